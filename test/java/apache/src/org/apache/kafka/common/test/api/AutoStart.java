package org.apache.kafka.common.test.api;

/** Whether a cluster runs when its test begins. */
public enum AutoStart {
  YES,
  NO,
  DEFAULT
}
