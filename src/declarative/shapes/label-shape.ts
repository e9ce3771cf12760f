import { text, type Field } from './shape.ts';

/** Labels of any resource that has them. */
export const labels: Field = {
  shape: {
    kind: 'map',
    keys: /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u,
    says: 'a label of 1 to 63 small letters, digits, - and _ that begins with a letter',
    of: text({
      pattern: /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u,
      says: 'at most 63 small letters, digits, - and _',
    }),
    max: 64,
  },
  doc: 'Names and values of your own.',
};
