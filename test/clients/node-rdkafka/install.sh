#!/bin/sh
# Installs node-rdkafka, which comes without binaries. What was compiled is kept for the next time.
set -eu
npm ci --silent --ignore-scripts
package=node_modules/node-rdkafka

kept="${XDG_CACHE_HOME:-$HOME/.cache}/brokerlet/$(node -p "
  'node-rdkafka-' + require('./$package/package.json').version + '-node-' + process.versions.modules")"
if [ ! -d "$kept" ]; then
  node=$(dirname "$(dirname "$(command -v node)")")
  if [ -f "$node/include/node/node.h" ]; then export npm_config_nodedir="$node"; fi
  JOBS=1 npm rebuild node-rdkafka
  mkdir -p "$kept.new/Release" "$kept.new/deps"
  cp "$package"/build/Release/*.node "$kept.new/Release"
  cp -P "$package"/build/deps/*.so* "$kept.new/deps"
  mv "$kept.new" "$kept"
fi
rm -rf "$package/build"
cp -R "$kept" "$package/build"
