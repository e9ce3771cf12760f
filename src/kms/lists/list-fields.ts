import type { CryptoKey, CryptoKeyVersion } from '../key-administration.ts';
import type { KeyRing } from '../keys/key-rings.ts';
import type { FilterField, FilterFields } from './list-filter.ts';

type Fields<T> = Readonly<Record<string, FilterField<T>>>;

function text<T>(read: (item: T) => string | undefined): FilterField<T> {
  return { kind: 'text', read };
}

function time<T>(read: (item: T) => number | undefined): FilterField<T> {
  return { kind: 'time', read };
}

function duration<T>(read: (item: T) => number | undefined): FilterField<T> {
  return { kind: 'duration', read };
}

function fieldIn<T>(fields: Fields<T>, path: string): FilterField<T> | null {
  return Object.hasOwn(fields, path) ? fields[path]! : null;
}

const ringTable: Fields<KeyRing> = {
  name: text(({ name }) => name),
  create_time: time(({ createTimeMs }) => createTimeMs),
};

export const keyRingFields: FilterFields<KeyRing> = (path) => fieldIn(ringTable, path);

const versionFieldTable: Fields<CryptoKeyVersion> = {
  name: text(({ name }) => name),
  state: text(({ state }) => state),
  protection_level: text(({ protectionLevel }) => protectionLevel),
  algorithm: text(({ algorithm }) => algorithm),
  create_time: time(({ createTimeMs }) => createTimeMs),
  generate_time: time(({ generateTimeMs }) => generateTimeMs),
  destroy_time: time(({ destroyTimeMs }) => destroyTimeMs),
  destroy_event_time: time(({ destroyEventTimeMs }) => destroyEventTimeMs),
};

export const versionFields: FilterFields<CryptoKeyVersion> = (path) =>
  fieldIn(versionFieldTable, path);

const keyFieldTable: Fields<CryptoKey> = {
  name: text(({ name }) => name),
  purpose: text(({ purpose }) => purpose),
  create_time: time(({ createTimeMs }) => createTimeMs),
  next_rotation_time: time(({ nextRotationTimeMs }) => nextRotationTimeMs),
  rotation_period: duration(({ rotationPeriodSeconds }) => rotationPeriodSeconds),
  destroy_scheduled_duration: duration(({ destroyScheduledSeconds }) => destroyScheduledSeconds),
  'version_template.protection_level': text(
    ({ versionTemplate }) => versionTemplate.protectionLevel,
  ),
  'version_template.algorithm': text(({ versionTemplate }) => versionTemplate.algorithm),
};

const labelPrefix = 'labels.';
const primaryPrefix = 'primary.';

export const cryptoKeyFields: FilterFields<CryptoKey> = (path) => {
  if (path.startsWith(labelPrefix)) {
    const label = path.slice(labelPrefix.length);
    return text(({ labels }) => (Object.hasOwn(labels, label) ? labels[label] : undefined));
  }
  if (!path.startsWith(primaryPrefix)) return fieldIn(keyFieldTable, path);
  const field = versionFields(path.slice(primaryPrefix.length));
  return field && { ...field, read: ({ primary }) => primary && field.read(primary) };
};

/** Of lists that the API does not filter. */
export const noFields: FilterFields<unknown> = () => null;
