package org.apache.kafka.common.test.api;

/** Where a test's controllers run: by themselves, or with the brokers. brokerlet has only the second. */
public enum Type {
  KRAFT,
  CO_KRAFT
}
