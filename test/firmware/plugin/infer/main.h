// The main function of tests that have the elements compiled in: GStreamer finds no plugins, or the types of the built
// plugin would come twice.
#pragma once

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <unistd.h>

#include <string>

int main(int argc, char **argv) {
  const std::string registry = std::string(g_get_tmp_dir()) + "/nj-no-plugins-" + std::to_string(getpid());
  g_setenv("GST_REGISTRY", registry.c_str(), TRUE);
  g_setenv("GST_PLUGIN_SYSTEM_PATH_1_0", "", TRUE);
  g_unsetenv("GST_PLUGIN_PATH");
  g_unsetenv("GST_PLUGIN_PATH_1_0");
  gst_init(&argc, &argv);
  doctest::Context context(argc, argv);
  const int result = context.run();
  g_remove(registry.c_str());
  return result;
}
