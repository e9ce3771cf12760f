import { steadyLife } from './steady-subscriber.ts';

/**
 * `npm run steady [MINUTES]`: a subscriber of the official client that is left open, for sixteen
 * minutes unless told otherwise. The client itself renews each of its five streams after fifteen;
 * any other end of a stream fails the run.
 */
const minutes = Number(process.argv[2] ?? 16);
const renewals = Math.floor(minutes / 15) * 5;
const life = await steadyLife(minutes * 60_000);
console.log(JSON.stringify(life, null, 2));
const isSteady =
  life.received === life.published &&
  life.repeated.length === 0 &&
  life.errors.length === 0 &&
  life.left === 0 &&
  life.streamEnds.length <= renewals;
console.log(isSteady ? `steady for ${minutes} minutes` : `NOT steady for ${minutes} minutes`);
process.exitCode = isSteady ? 0 : 1;
