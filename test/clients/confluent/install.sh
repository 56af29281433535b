#!/bin/sh
# Installs Confluent's client with its binary, or compiles that where the network does not reach it. What was compiled is kept
# for the next time.
set -eu
npm ci --silent --ignore-scripts
cd node_modules/@confluentinc/kafka-javascript
if npx --no node-pre-gyp install; then exit; fi

kept="${XDG_CACHE_HOME:-$HOME/.cache}/brokerlet/$(node -p "
  'kafka-javascript-' + require('./package.json').version + '-node-' + process.versions.modules")"
if [ ! -d "$kept" ]; then
  # Its makefile asks make for as many jobs as there are files; this one starts as many as there are processors.
  tools=$(mktemp -d)
  cat >"$tools/make" <<MAKE
#!/bin/sh
if [ "\$1" = -j ]; then shift; set -- "-j$(nproc)" "\$@"; fi
exec $(command -v make) "\$@"
MAKE
  chmod +x "$tools/make"
  node=$(dirname "$(dirname "$(command -v node)")")
  if [ -f "$node/include/node/node.h" ]; then export npm_config_nodedir="$node"; fi
  PATH="$tools:$PATH" CKJS_LINKING=dynamic JOBS=1 npx --no node-pre-gyp configure build
  rm -r build/Release/obj.target build/deps/*.a "$tools"
  mkdir -p "$kept"
  cp -R build/Release build/deps "$kept"
fi
mkdir -p build
cp -R "$kept"/. build
