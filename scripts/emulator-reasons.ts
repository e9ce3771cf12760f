/** Why a difference from the official emulator is right: the first reason that covers it counts. */
export interface Reason {
  readonly title: string;
  readonly why: string;
  /** Tried on `name | found`. */
  readonly covers: RegExp;
}

export const reasons: readonly Reason[] = [
  {
    title: 'Taken though it is wrong',
    why: 'Production refuses it; what is refused there should be found here first.',
    covers: /\| the call was not refused$/,
  },
  {
    title: 'The same code in other words',
    why: 'Programs and people look for the words of production.',
    covers: /expected \{ code: '(\w+)', …\(1\) \} to deeply equal \{ code: '\1'/,
  },
  {
    title: 'Methods that it has not',
    why: 'They are in the API, and official clients have methods for them.',
    covers:
      /UNIMPLEMENTED|unimplemented|not a known Topic field|unsupported in the Pub\/Sub Emulator/,
  },
  {
    title: 'Streams',
    why: 'Current clients ping each stream and reopen it if nothing answers within 15 s; they overwrite what they know of a subscription with each response; they hold as much as they asked for.',
    covers: /StreamingPull|stream/i,
  },
  {
    title: 'Exactly once',
    why: 'A repeated good ack must be confirmed, since clients repeat those whose answer was lost.',
    covers: /exactly.once|ack id/i,
  },
  {
    title: 'Order, filters, retries, dead letters',
    why: 'The emulator stores these settings and does not, or not wholly, keep to them.',
    covers: /order|filter|retry|backoff|dead.letter|attempt/i,
  },
  {
    title: 'Snapshots, seek and retention',
    why: 'Production keeps 31 days, replays by publish time, and refuses what it cannot keep.',
    covers: /seek|snapshot|retention|retain|expir/i,
  },
  {
    title: 'Limits, names and words',
    why: 'What production refuses should be refused before it gets there, and in the same words: programs look for them.',
    covers:
      /INVALID_ARGUMENT|OUT_OF_RANGE|NOT_FOUND|FAILED_PRECONDITION|ALREADY_EXISTS|refus|limit|mask|token|name/i,
  },
  {
    title: 'Fields and defaults in answers',
    why: 'Production shows them; the suites of official clients compare them.',
    covers:
      /Payload isn|toEqual|deeply equal|match object|Received|state|default|label|field|REST/i,
  },
];
