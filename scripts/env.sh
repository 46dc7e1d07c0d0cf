# Source this: puts the pinned Node and npm, and the project's own tools, on PATH.
nightjar_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for nightjar_arch in x64 arm64; do
  if [ -x "$nightjar_root/.toolchain/node_modules/node-linux-$nightjar_arch/bin/node" ]; then
    export npm_config_nodedir="$nightjar_root/.toolchain/node_modules/node-linux-$nightjar_arch"
    PATH="$npm_config_nodedir/bin:$nightjar_root/.toolchain/node_modules/.bin:$PATH"
  fi
done
export PATH="$nightjar_root/node_modules/.bin:$nightjar_root/bin:$PATH"
export GST_PLUGIN_PATH="$nightjar_root/build/firmware/plugin${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
unset nightjar_arch
# ONNX Runtime would report its use to its maker.
export ORT_DISABLE_TELEMETRY=1
