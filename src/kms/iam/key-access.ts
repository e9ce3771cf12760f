/**
 * The member that calls through the API. Nobody is authenticated there yet, so it may use every key
 * but the service's own.
 */
export const operatorMember = 'operator:';

/** The service on its own behalf: the one member that may use its own key, and no other key. */
export const serviceMember = 'service:';
