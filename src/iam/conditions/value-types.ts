/** Types of the values in a condition. */
export type ScalarType = 'bool' | 'duration' | 'int' | 'string' | 'time';
export type ValueType = ScalarType | `list of ${ScalarType}`;

/** Lists hold no lists. */
export function listOf(type: ValueType): ValueType {
  return isScalar(type) ? `list of ${type}` : type;
}

export function isScalar(type: ValueType): type is ScalarType {
  return !type.startsWith('list of ');
}
