// The main function of a test program that uses GStreamer.
#pragma once

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <gst/gst.h>

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  doctest::Context context(argc, argv);
  return context.run();
}
