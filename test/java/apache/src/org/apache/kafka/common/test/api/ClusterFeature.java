package org.apache.kafka.common.test.api;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.apache.kafka.server.common.Feature;

/** The level at which a cluster has a feature. */
@Target({})
@Retention(RetentionPolicy.RUNTIME)
public @interface ClusterFeature {
  Feature feature();

  short version();
}
