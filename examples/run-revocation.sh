#!/usr/bin/env bash
# Rehearses the revocation of an image's key against a server of its own: deploy, disable, what runs
# goes on until its hours are over, nothing starts, restore. Prints a timeline. An hour takes 6 seconds.
#
#   examples/run-revocation.sh            with curl and the sealpost command
#   examples/run-revocation.sh --gcloud   the same orders given by the real gcloud, as its pages write them
#
# Needs bash, curl, npm ci in this clone, and bubblewrap, skopeo, docker-registry and busybox-static from
# Debian; root for --gcloud (it gives gcloud a hosts file of its own). Touches loopback only; leaves
# nothing behind.
set -euo pipefail

cd "$(dirname "$0")/.."
# The Node that npm ci has installed comes first.
PATH=$PWD/node_modules/.bin:$PATH
with=sealpost
for argument in "$@"; do
  case "$argument" in
    --gcloud) with=gcloud ;;
    *)
      echo "run-revocation.sh: $argument is not an option: --gcloud" >&2
      exit 2
      ;;
  esac
done
for program in curl node bwrap skopeo docker-registry busybox $([ "$with" = gcloud ] && echo gcloud unshare); do
  command -v "$program" > /dev/null || {
    echo "run-revocation.sh: $program is not installed" >&2
    exit 2
  }
done

project=rehearsal
region=us-central1
ring=projects/$project/locations/$region/keyRings/drill
key=$ring/cryptoKeys/images
role=roles/cloudkms.cryptoKeyEncrypterDecrypter
image=us-docker.pkg.dev/cloudrun/container/hello:latest
hour_ms=6000
work=$(mktemp -d)
server=
registry=

finish() {
  for process in $server $registry; do kill "$process" 2> /dev/null || true; done
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap finish EXIT

now() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
say() { printf '%s\n' "$*"; }
began=$(now)
tell() { printf '%+7d ms  %s\n' $(($(now) - began)) "$*"; }

wait_for() { # FILE PATTERN PROCESS: the first match of a pattern's group
  local found
  for _ in $(seq 300); do
    found=$(sed -n "s/$2/\\1/p" "$1" | head -1)
    [ -n "$found" ] && echo "$found" && return
    kill -0 "$3" 2> /dev/null || break
    sleep 0.1
  done
  echo "run-revocation.sh: it did not start:" >&2
  cat "$1" >&2
  exit 1
}

# An image by hand: one layer with busybox, a config, a manifest. skopeo checks every digest.
make_image() {
  local root=$work/root layout=$work/layout/blobs/sha256 layer config
  mkdir -p "$root/bin" "$root/www" "$layout"
  cp "$(command -v busybox)" "$root/bin/busybox"
  echo 'Hello from a sealed image' > "$root/www/index.html"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf "$work/layer" .
  layer=$(add_blob "$work/layer")
  cat > "$work/config" << JSON
{"architecture":"$(node -p '({x64:"amd64",arm64:"arm64"})[process.arch]')","os":"linux",
"config":{"Entrypoint":["/bin/busybox","sh","-c","exec /bin/busybox httpd -f -p \$PORT -h /www"]},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
JSON
  config=$(add_blob "$work/config")
  cat > "$work/manifest" << JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$(stat -c %s "$work/config")},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:$layer","size":$(stat -c %s "$work/layer")}]}
JSON
  local manifest
  manifest=$(add_blob "$work/manifest")
  echo '{"imageLayoutVersion":"1.0.0"}' > "$work/layout/oci-layout"
  cat > "$work/layout/index.json" << JSON
{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest",
"size":$(stat -c %s "$work/manifest"),"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}
JSON
}

add_blob() {
  local digest
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  cp "$1" "$work/layout/blobs/sha256/$digest"
  echo "$digest"
}

start_registry() {
  cat > "$work/registry.yml" << YAML
version: 0.1
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: "127.0.0.1:0", secret: rehearsal }
YAML
  OTEL_TRACES_EXPORTER=none docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
  registry=$!
  registry_port=$(wait_for "$work/registry.log" '.*listening on [^"]*:\([0-9]*\).*' "$registry")
  skopeo copy --quiet --insecure-policy --dest-tls-verify=false "oci:$work/layout:latest" \
    "docker://127.0.0.1:$registry_port/cloudrun/container/hello:latest"
}

start_server() {
  node bin/sealpost.js serve --port 0 --data-dir "$work/data" --roles kms,vault --insecure \
    --registry-mirror "us-docker.pkg.dev=http://127.0.0.1:$registry_port" --vault-hour-ms $hour_ms \
    --vault-check-seconds 1 --log-level warn > "$work/ready" 2> "$work/log" &
  server=$!
  url=$(wait_for "$work/ready" '^Sealpost is ready at \(.*\)$' "$server")
  port=${url##*:}
}

sealpost() {
  SEALPOST_SERVER=$url SEALPOST_PROJECT=$project node bin/sealpost.js "$@"
}

real_gcloud() {
  local api variables=()
  for api in ARTIFACTREGISTRY CLOUDKMS CLOUDRESOURCEMANAGER IAM LOGGING PUBSUB SERVICEUSAGE; do
    variables+=("CLOUDSDK_API_ENDPOINT_OVERRIDES_$api=$url/")
  done
  printf '127.0.0.1 localhost run.localhost %s-run.localhost\n' $region > "$work/hosts"
  env CLOUDSDK_CONFIG="$work/gcloud" CLOUDSDK_AUTH_ACCESS_TOKEN=none CLOUDSDK_CORE_PROJECT=$project \
    CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1 CLOUDSDK_RUN_REGION=$region \
    CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_APIS=false CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1 \
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://run.localhost:$port/" "${variables[@]}" \
    unshare -m sh -c 'mount --bind "$0" /etc/hosts && exec gcloud --quiet "$@"' "$work/hosts" "$@"
}

# An order: how it reads, then how it is given. Fails if it fails.
order() {
  local text=$1
  shift
  say ""
  say "== $text"
  if ! "$@" > "$work/order" 2>&1; then
    sed 's/^/   /' "$work/order"
    return 1
  fi
}

version() { # enable | disable, of version 1
  if [ "$with" = gcloud ]; then
    real_gcloud kms keys versions "$1" 1 --key images --keyring drill --location $region
  else
    sealpost keys versions "$1" $region/drill/images 1
  fi
}

deploy() { # what a revision is to have: options that both tools know
  if [ "$with" = gcloud ]; then
    real_gcloud run deploy hello "$@"
  else
    sealpost run deploy hello "$@"
  fi
}

# What a visitor gets now.
visit() { curl -sS -m 20 -o "$work/answer" -w '%{http_code}' "$service_url" || true; }
tell_visit() { tell "curl $service_url: $(visit) $(head -c 60 "$work/answer" | tr -d '\n')"; }

# Visits until the status is as wanted.
until_status() {
  local status
  for _ in $(seq 300); do
    status=$(visit)
    [ "$status" = "$1" ] && tell_visit && return
    sleep 0.2
  done
  say "   it never became $1"
  return 1
}

say "An image is made, and put where $image is to come from"
make_image
start_registry
start_server
say "A server of its own at $url, orders by $with"
number=$(curl -sS "$url/v1/projects/$project" | sed -n 's/.*"projectNumber": *"\([0-9]*\)".*/\1/p')
agent=$number@serverless-robot-prod.iam.gserviceaccount.com
say "The Cloud Run service agent of project $project: $agent"

if [ "$with" = gcloud ]; then
  order 'a key ring and a key, which the service agent may use' eval \
    'real_gcloud kms keyrings create drill --location $region &&
     real_gcloud kms keys create images --keyring drill --location $region --purpose encryption &&
     real_gcloud kms keys add-iam-policy-binding images --keyring drill --location $region \
       --member "serviceAccount:$agent" --role $role'
else
  order 'a key ring and a key, which the service agent may use' eval \
    'sealpost keys rings create $region/drill && sealpost keys create $region/drill/images &&
     sealpost keys grant $region/drill/images --service run'
fi

order 'the service is deployed: shut-down, 1 hour' deploy --image $image --key "$key" \
  --post-key-revocation-action-type shut-down --encryption-key-shutdown-hours 1
service_url=http://hello.localhost:$port
tell_visit

order 'INCIDENT: the key version is disabled' version disable
began=$(now)
tell_visit
say '   what runs goes on; a new revision is refused:'
if deploy --image $image --port 8081 > "$work/refused" 2>&1; then
  say '   it was deployed all the same'
  exit 1
fi
grep -o "User's CMEK key.*" "$work/refused" | head -1 | sed 's/^/   /'
until_status 503
say "   the hour, of $hour_ms ms, is over"

order 'the key version is enabled again' version enable
began=$(now)
until_status 200

# Hours go with shut-down alone; our command knows that they go, gcloud is told.
order 'from now on: prevent-new' deploy --image $image --port 8080 --post-key-revocation-action-type prevent-new \
  $([ "$with" = gcloud ] && echo --clear-encryption-key-shutdown-hours)
order 'INCIDENT: the key version is disabled' version disable
began=$(now)
tell_visit
sleep $((hour_ms / 1000 + 2))
tell_visit
say '   what ran when the key went away goes on'
order 'the key version is enabled again' version enable

say ""
say '== why the key was used: the audit log'
if [ "$with" = gcloud ]; then
  real_gcloud logging read 'protoPayload.serviceName="cloudkms.googleapis.com"' --limit 200 \
    --format='value(protoPayload.metadata.entries.caller_provided_context.purpose)'
else
  sealpost audit list --key $region/drill/images --limit 200 --json |
    sed -n 's/.*"purpose": *"\(.*\)".*/\1/p'
fi | grep '\.$' | sort | uniq -c | sort -rn | sed 's/^/  /'

say ""
say "== the service's own log says what befell it"
if [ "$with" = gcloud ]; then
  real_gcloud logging read 'resource.type=cloud_run_revision AND logName:"varlog%2Fsystem"' --limit 100 \
    --order asc --format='value(timestamp.date("%H:%M:%S"), severity, textPayload)'
else
  sealpost run logs hello --limit 200 | grep '  system  ' | tr -s ' ' | cut -c7-14,19-
fi | cut -c1-150 | tail -25 | sed 's/^/   /'
