/**
 * demo: the whole promise on real data, in under a minute, by way of the public interfaces only.
 *
 * Creates key ring, key, binding, topic and subscriptions; streams flight records through gRPC and
 * REST; receives, counts and checks them; searches the data files; disables and enables the key.
 */
export { runDemo } from './demo.ts';
export type { DemoIo } from './screen.ts';
