#!/usr/bin/env bash
# Rehearses a key incident against a server of its own, from the first key to the last audit line,
# and prints a timeline of what publishers and subscribers saw, in milliseconds after each order.
#
#   examples/cmek-rehearsal.sh            with curl and the sealpost command
#   examples/cmek-rehearsal.sh --gcloud   the same orders given by the real gcloud
#
# Needs bash, curl and npm ci in this clone. Touches loopback only; leaves nothing behind, unless
# --keep, which leaves the data directory and says where it is.
set -euo pipefail

cd "$(dirname "$0")/.."
# The Node that npm ci has installed comes first.
PATH=$PWD/node_modules/.bin:$PATH
with=sealpost keep=no
for argument in "$@"; do
  case "$argument" in
    --gcloud) with=gcloud ;;
    --keep) keep=yes ;;
    *)
      echo "cmek-rehearsal.sh: $argument is not an option: --gcloud, --keep" >&2
      exit 2
      ;;
  esac
done
for program in curl node $([ "$with" = gcloud ] && echo gcloud); do
  command -v "$program" > /dev/null || {
    echo "cmek-rehearsal.sh: $program is not installed" >&2
    exit 2
  }
done

project=rehearsal
ring=projects/$project/locations/global/keyRings/drill
key=$ring/cryptoKeys/orders
role=roles/cloudkms.cryptoKeyEncrypterDecrypter
topic=projects/$project/topics/orders
subscription=projects/$project/subscriptions/kitchen
work=$(mktemp -d)
server=
publisher=
puller=

finish() {
  touch "$work/stop"
  for process in $publisher $puller $server; do kill "$process" 2> /dev/null || true; done
  wait 2> /dev/null || true
  if [ "$keep" = yes ]; then echo "The data are in $work/data"; else rm -rf "$work"; fi
}
trap finish EXIT

now() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
say() { printf '%s\n' "$*"; }

start_server() {
  node bin/sealpost.js serve --port 0 --data-dir "$work/data" > "$work/ready" 2> "$work/log" &
  server=$!
  for _ in $(seq 300); do
    url=$(sed -n 's/^Sealpost is ready at //p' "$work/ready")
    [ -n "$url" ] && return
    kill -0 "$server" 2> /dev/null || break
    sleep 0.1
  done
  echo 'cmek-rehearsal.sh: the server did not start:' >&2
  cat "$work/log" >&2
  exit 1
}

# One request; prints the HTTP status, then the answer.
call() {
  local method=$1 path=$2 body=${3-} answer=$work/answer.$BASHPID
  curl -sS -o "$answer" -w '%{http_code} ' -X "$method" "$url/v1/$path" \
    ${body:+-H 'content-type: application/json' -d "$body"}
  tr -d '\n' < "$answer"
  rm -f "$answer"
}

sealpost() {
  SEALPOST_SERVER=$url SEALPOST_PROJECT=$project node bin/sealpost.js "$@"
}

real_gcloud() {
  local api variables=()
  for api in CLOUDKMS CLOUDRESOURCEMANAGER IAM LOGGING PUBSUB SERVICEUSAGE; do
    variables+=("CLOUDSDK_API_ENDPOINT_OVERRIDES_$api=$url/")
  done
  env CLOUDSDK_CONFIG="$work/gcloud" CLOUDSDK_AUTH_ACCESS_TOKEN=none \
    CLOUDSDK_CORE_PROJECT=$project CLOUDSDK_CORE_DISABLE_PROMPTS=1 \
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1 CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_APIS=false \
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1 "${variables[@]}" gcloud --quiet "$@"
}

# An order of the key's owner: how it reads, then the same by either tool.
order() {
  local text=$1
  shift
  say ""
  say "== $text"
  # The time that counts is when the key service has answered, which a tool tells by ending.
  if ! "$@" > "$work/order" 2>&1; then
    sed 's/^/   /' "$work/order"
    return 1
  fi
  ordered=$(now)
}

version_order() { # enable | disable | destroy | restore, of version 1
  if [ "$with" = gcloud ]; then
    real_gcloud kms keys versions "$1" 1 --key orders --keyring drill --location global
  elif [ "$1" = enable ] || [ "$1" = disable ]; then
    sealpost keys versions "$1" drill/orders 1
  else
    call POST "$key/cryptoKeyVersions/1:$1" '{}' | tee "$work/last"
    grep -q '^200 ' "$work/last"
  fi
}

binding_order() { # add | remove, of the service agent's role
  if [ "$with" = gcloud ]; then
    real_gcloud kms keys "$1-iam-policy-binding" "$key" --member="serviceAccount:$agent" --role="$role"
  elif [ "$1" = add ]; then
    sealpost keys grant drill/orders
  else
    sealpost keys revoke drill/orders
  fi
}

# Publishes for ever: a line `ms status` for each request, ended.
publish_on() {
  local body answer number=0
  while [ ! -e "$work/stop" ]; do
    number=$((number + 1))
    body="{\"messages\":[{\"data\":\"$(printf 'order %d' "$number" | base64 -w0)\"}]}"
    answer=$(call POST "$topic:publish" "$body" 2> /dev/null || true)
    echo "$(now) ${answer:0:3} ${answer:4}" >> "$work/publish"
    sleep 0.02
  done
}

# Pulls for ever and acknowledges what came: a line `ms status` for each pull.
pull_on() {
  local answer ids
  while [ ! -e "$work/stop" ]; do
    answer=$(call POST "$subscription:pull" '{"maxMessages":100,"returnImmediately":true}' 2> /dev/null || true)
    ids=$(grep -o '"ackId": *"[^"]*"' <<< "$answer" | sed 's/.*"\([^"]*\)"$/"\1"/' | paste -sd, || true)
    if [ "${answer:0:3}" = 200 ] && [ -z "$ids" ]; then
      sleep 0.02
      continue
    fi
    echo "$(now) ${answer:0:3} $([ "${answer:0:3}" = 200 ] && echo delivered || echo "${answer:4}")" >> "$work/pull"
    [ -n "$ids" ] && call POST "$subscription:acknowledge" "{\"ackIds\":[$ids]}" > /dev/null
    sleep 0.02
  done
}

# The first line of a record after the order whose status is (or is not) 200.
first_after() { # publish|pull 200|refused
  local record=$1 wanted=$2
  for _ in $(seq 1500); do
    awk -v since="$ordered" -v wanted="$wanted" \
      '$1 >= since && (wanted == "200" ? $2 == 200 : $2 != 200) { print; exit }' \
      "$work/$record" > "$work/found.$record"
    [ -s "$work/found.$record" ] && return 0
    sleep 0.02
  done
  return 1
}

last_success() { # publish|pull: how long after the order the last one came, or nothing
  awk -v since="$ordered" '$2 == 200 { last = $1 } END { print last - since }' "$work/$1"
}

# The words of a refusal: of an answer in JSON, or of gcloud.
text_of() { sed -n 's/.*"message": *"\([^"]*\)".*/\1/p; s/^ERROR: .*FAILED_PRECONDITION: //p' "$1" | head -1; }

report_stop() {
  local record
  for record in publish pull; do
    first_after "$record" refused || { say "   $record: it was never refused"; return 1; }
    local ms=$(($(cut -d' ' -f1 "$work/found.$record") - ordered))
    local last
    last=$(last_success "$record")
    if [ "$last" -gt 0 ]; then last="last success ${last} ms after the answer"; else last='no success after the answer'; fi
    say "   +${ms} ms  $record refused ($(cut -d' ' -f2 "$work/found.$record")); $last"
  done
  say "   the broker's words: $(text_of "$work/found.publish")"
}

report_resumption() {
  local record
  for record in publish pull; do
    first_after "$record" 200 || { say "   $record: it never came back"; return 1; }
    say "   +$(($(cut -d' ' -f1 "$work/found.$record") - ordered)) ms  $record works again"
  done
}

start_server
say "A server of its own at $url, orders by $with"
number=$(curl -sS "$url/v1/projects/$project" | sed -n 's/.*"projectNumber": *"\([0-9]*\)".*/\1/p')
agent=service-$number@gcp-sa-pubsub.iam.gserviceaccount.com
say "The Pub/Sub service agent of project $project: $agent"

if [ "$with" = gcloud ]; then
  order 'a key ring and a key' eval \
    'real_gcloud kms keyrings create drill --location global && real_gcloud kms keys create orders --keyring drill --location global --purpose encryption'
else
  order 'a key ring and a key' eval \
    'sealpost keys rings create drill && sealpost keys create drill/orders'
fi
order 'the service agent may use it' binding_order add
if [ "$with" = gcloud ]; then
  order 'a topic under the key, and a subscription' eval \
    'real_gcloud pubsub topics create orders --topic-encryption-key="$key" && real_gcloud pubsub subscriptions create kitchen --topic orders'
else
  order 'a topic under the key, and a subscription' eval \
    'sealpost topics create orders --key drill/orders && sealpost subscriptions create kitchen --topic orders'
fi
: > "$work/publish"
: > "$work/pull"
publish_on &
publisher=$!
pull_on &
puller=$!
report_resumption

order 'INCIDENT: the key version is disabled' version_order disable
report_stop
order 'it is enabled again' version_order enable
report_resumption

order 'INCIDENT: the role of the service agent is removed' binding_order remove
report_stop
order 'the role is given back' binding_order add
report_resumption

if [ "$with" = gcloud ]; then
  order 'a second subscription, which nobody reads' \
    real_gcloud pubsub subscriptions create archive --topic orders
else
  order 'a second subscription, which nobody reads' \
    sealpost subscriptions create archive --topic orders
fi
sleep 1
say ""
say "== the key version is to be destroyed, while messages depend on it"
if version_order destroy > "$work/order" 2>&1; then
  say '   nothing depended on it at that moment'
else
  say "   refused: $(text_of "$work/order")"
fi
call PATCH "$key?updateMask=labels" '{"labels":{"sealpost-destroy-in-use":"allow"}}' > "$work/labels"
order 'INCIDENT: its owner insists (label sealpost-destroy-in-use): destruction is scheduled' version_order destroy
report_stop
order 'it is restored, which leaves it disabled' version_order restore
order 'and enabled' version_order enable
report_resumption

touch "$work/stop"
wait "$publisher" "$puller" 2> /dev/null || true
say ""
say '== what the audit log has about the key: its changes'
filter='protoPayload.serviceName="cloudkms.googleapis.com" AND logName:"activity"'
if [ "$with" = gcloud ]; then
  real_gcloud logging read "$filter" --limit 20 \
    --format='table[no-heading](timestamp.date("%H:%M:%S"), protoPayload.methodName, protoPayload.authenticationInfo.principalEmail, protoPayload.resourceName.basename())' |
    sed 's/^/   /'
else
  call POST entries:list "{\"resourceNames\":[\"projects/$project\"]}" > /dev/null 2>&1 || true
  sealpost audit list --filter "$filter" | sed 's/^/   /' | cut -c1-150
fi
published=$(awk '$2 == 200' "$work/publish" | wc -l)
refused=$(awk '$2 != 200' "$work/publish" | wc -l)
say ""
say "Publishes answered: $published; refused while the key was away: $refused. Nothing answered was lost;"
say 'what waited under the key was delivered when it came back.'
