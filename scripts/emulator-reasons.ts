/** Why a difference from the official emulator is right: the first reason that covers it counts. */
export interface Reason {
  readonly title: string;
  readonly why: string;
  /** Tried on `name | found`. */
  readonly covers: RegExp;
}

export const reasons: readonly Reason[] = [
  {
    title: 'Over WebSocket',
    why: 'The emulator has no WebSocket, nor has production: it is an addition of Sealpost.',
    covers: /over WebSocket/,
  },
  {
    title: 'What Sealpost refuses because it has it not',
    why: 'Production has it. The emulator stores it, or refuses it for other reasons, and does nothing with it; Sealpost says at once, by name, that it would do nothing.',
    covers: /rather than forgotten|an unsupported field|IAMPolicy|GetIamPolicy/,
  },
  {
    title: 'Taken though it is wrong',
    why: 'What is out of the documented limits, or is no name, no token and no endpoint, should be found here first.',
    covers: /\| the call was not refused$/,
  },
  {
    title: 'The same code in other words',
    why: 'Programs and people look for the words of production.',
    covers: /expected \{ code: '(\w+)', message: .* to deeply equal \{ code: '\1'/,
  },
  {
    title: 'Methods and masks that it has not',
    why: 'They are in the API, and official clients have methods for them.',
    covers:
      /UNIMPLEMENTED|unimplemented|not a known \w+ field|unsupported in the Pub\/Sub Emulator|\b501\b/,
  },
  {
    title: 'Streams',
    why: 'The emulator says nothing on a stream until there is a message, neither at its start nor to a keep-alive, and ends it for few of the documented reasons. Current clients reopen a stream on which nothing comes within 15 s, overwrite what they know of a subscription with each response, and hold as much as they asked for. A malformed ack id does not end a stream of production: all that is outstanding on it would come again.',
    covers:
      /StreamingPull|stream|^(responses|flow control|deadlines|ends|confirmations|requests that break|time passes|the subscription changes) /i,
  },
  {
    title: 'Names over REST',
    why: 'A percent sign is a character of names: a path is decoded once. The emulator decodes it twice.',
    covers: /percent%/,
  },
  {
    title: 'REST in detail',
    why: "Google's REST names the field it does not know, and passes over the parameters that every API of Google takes.",
    covers:
      /Payload isn|valid JSON|status: 200|^(unknown names|query parameters|empty replies|bodies) /,
  },
  {
    title: 'Fields and defaults in answers',
    why: 'Production shows state, expiration policy and x-goog-version, suites of official clients compare them; tags and what only the server may say are not shown back.',
    covers: /state: '|ACTIVE|\btags\b|expirationPolicy|x-goog-version/,
  },
  {
    title: 'Exactly once and ack ids',
    why: 'A repeated good ack must be confirmed, since clients repeat those whose answer was lost; the default deadline is then 60 s. Ack ids are short and opaque, as those of production are, and refused in its words.',
    covers: /exactly.once|ack id|acknowledg|modack|single character|\| CallRefusal: +$/i,
  },
  {
    title: 'Order, filters, retries, dead letters',
    why: 'The emulator stores these settings and does not, or not wholly, keep to them.',
    covers: /order|filter|retry|backoff|dead.letter|attempt/i,
  },
  {
    title: 'Snapshots, seek and retention',
    why: 'Production keeps 31 days, replays by publish time, shows the snapshots of deleted topics as such, and refuses what it cannot keep.',
    covers: /seek|snapshot|retention|retain|expir/i,
  },
  {
    title: 'Left waiting',
    why: 'What can never be answered with messages is refused at once, so that nobody waits for it; what waits is told when its subscription is gone; one subscription does not slow another.',
    covers: /\| Test timed out/,
  },
  {
    title: 'Pages, limits and refusals',
    why: 'A page without a size is bounded; a refusal has the code and the words of production, and changes nothing.',
    covers:
      /page|expected '.*' to (be|contain)|INVALID_ARGUMENT|NOT_FOUND|CallRefusal|to match object/,
  },
];
