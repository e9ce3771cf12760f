import type { DescEnum } from '@bufbuild/protobuf';
import type { GenEnum } from '@bufbuild/protobuf/codegenv2';

/** The name of an enum's value as the proto spells it; the number's digits if it has none. */
export function enumName(desc: DescEnum, value: number): string {
  return desc.value[value]?.name ?? String(value);
}

/** The value that a name of ours stands for; 0, UNSPECIFIED, for a name that the enum lacks. */
export function enumValue<T extends number>(desc: GenEnum<T>, name: string): T {
  return (desc.values.find((value) => value.name === name)?.number ?? 0) as T;
}
