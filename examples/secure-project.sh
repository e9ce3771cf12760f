#!/usr/bin/env bash
# Brings a whole project up from a YAML file on a server that speaks TLS and asks who calls, and lets
# Google's own client library find out what it may and may not: publish with a credentials file, not
# without a role, not what the schema refuses; what arrives was changed by a function; and nothing
# goes on once the account is disabled.
#
#   examples/secure-project.sh
#
# Needs bash, openssl and npm ci in this clone. Touches loopback only; leaves nothing behind.
set -euo pipefail

cd "$(dirname "$0")/.."
clone=$PWD
# The Node that npm ci has installed comes first.
PATH=$PWD/node_modules/.bin:$PATH
command -v openssl > /dev/null || {
  echo 'secure-project.sh: openssl is not installed' >&2
  exit 2
}
work=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2> /dev/null || true
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }

say 'An authority of our own, and a certificate for localhost'
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj '/CN=An authority of the example' \
  -keyout "$work/ca.key" -out "$work/ca.pem" 2> /dev/null
openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' \
  -keyout "$work/tls.key" -out "$work/tls.csr" 2> /dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > "$work/names"
openssl x509 -req -in "$work/tls.csr" -days 1 -CA "$work/ca.pem" -CAkey "$work/ca.key" \
  -CAcreateserial -extfile "$work/names" -out "$work/tls.pem" 2> /dev/null

say 'The project, as docs/examples/sealpost.yaml has it'
cp docs/examples/upper.js "$work/"
# Every account gets a key file, so that each can be tried.
sed -e 's/^\( *\)roles: \[roles\/pubsub.subscriber\]/&\n\1keyFile: kitchen.json/' \
  -e 's/^\( *\)description: Reads what.*/&\n\1keyFile: dashboard.json/' \
  docs/examples/sealpost.yaml > "$work/sealpost.yaml"
cat >> "$work/sealpost.yaml" << 'YAML'

organization:
  iam:
    bindings:
      - role: roles/owner
        members: [serviceAccount:operator@cafe.iam.gserviceaccount.com]
YAML
sed -i 's/^    accounts:$/&\n      operator:\n        keyFile: operator.json/' "$work/sealpost.yaml"

say 'The server: TLS 1.3, every call asked who makes it'
(cd "$work" && exec node "$clone/bin/sealpost.js" serve --port 0 --data-dir data \
  --tls-cert tls.pem --tls-key tls.key --authentication required \
  --config sealpost.yaml > ready 2> log) &
server=$!
url=
for _ in $(seq 600); do
  url=$(sed -n 's/^Sealpost is ready at //p' "$work/ready" 2> /dev/null || true)
  [ -n "$url" ] && break
  kill -0 "$server" 2> /dev/null || { cat "$work/log" >&2; exit 1; }
  sleep 0.1
done
echo "$url"
ls "$work"/*.json | sed 's/.*\//key file: /'

cat > "$work/client.mjs" << 'JS'
import { PubSub } from '@google-cloud/pubsub';
const [what, order] = process.argv.slice(1);
const pubsub = new PubSub({ apiEndpoint: process.env.ENDPOINT, emulatorMode: false });
try {
  if (what === 'publish') {
    const attributes = { urgent: 'yes' };
    const options = { gaxOpts: { timeout: 20_000 } };
    const topic = pubsub.topic('orders', options);
    console.log('published', await topic.publishMessage({ data: Buffer.from(order), attributes }));
  } else {
    await new Promise((resolve, reject) => {
      const subscription = pubsub.subscription('display');
      subscription.on('error', reject);
      subscription.on('message', (message) => {
        message.ack();
        console.log('received', message.data.toString());
        resolve(subscription.close());
      });
    });
  }
} catch (error) {
  console.log('refused:', error.message.split('\n')[0]);
}
process.exit(0);
JS

# as ACCOUNT COMMAND...: Google's client library with the account's key file, as any program has it.
as() {
  local account=$1
  shift
  GOOGLE_APPLICATION_CREDENTIALS=$work/$account.json GOOGLE_CLOUD_PROJECT=cafe \
    ENDPOINT=localhost:${url##*:} GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=$work/ca.pem \
    NODE_EXTRA_CA_CERTS=$work/ca.pem METADATA_SERVER_DETECTION=none NODE_NO_WARNINGS=1 \
    node --input-type=module --eval "$(cat "$work/client.mjs")" -- "$@"
}

say 'The publisher publishes; the dashboard, which may only look, does not'
as publisher publish '{"table":7,"what":"tea"}'
as dashboard publish '{"table":7,"what":"poison"}'

say 'The schema refuses what is no order'
as publisher publish '{"table":"seven"}'

say 'The kitchen gets what a function made of it'
as kitchen subscribe

say 'The operator disables the publisher: the next call is refused'
SEALPOST_SERVER=https://localhost:${url##*:} SEALPOST_CA=$work/ca.pem SEALPOST_PROJECT=cafe \
  SEALPOST_CREDENTIALS=$work/operator.json node bin/sealpost.js accounts disable publisher
as publisher publish '{"table":7,"what":"more tea"}'
