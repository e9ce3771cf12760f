const spans = [
  { unit: 'days', seconds: 86_400 },
  { unit: 'hours', seconds: 3_600 },
  { unit: 'minutes', seconds: 60 },
] as const;

/** `1 message`, `2 messages`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** 231083 as `231,083`. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** `under a second`, `1.5 seconds`, `90 seconds`, `2 hours`: in the largest unit of which there are two at least. */
export function span(seconds: number): string {
  const unit = spans.find((each) => seconds >= 2 * each.seconds);
  if (unit !== undefined) return `${Math.round(seconds / unit.seconds)} ${unit.unit}`;
  if (seconds < 1) return 'under a second';
  const rounded = seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds);
  return `${rounded} seconds`;
}
