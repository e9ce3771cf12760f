import type { Principal } from '../../iam/index.ts';

/** Who was not asked who he is, as he calls what is public: no policy names him. */
export const nobody: Principal = {
  member: '',
  email: 'anonymous',
  groups: [],
  expiresAtMs: 0,
  isValid: () => false,
};
