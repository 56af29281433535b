package org.apache.kafka.common.test.api;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** A config of all servers, or of the one with that id. */
@Target({})
@Retention(RetentionPolicy.RUNTIME)
public @interface ClusterConfigProperty {
  int id() default -1;

  String key();

  String value();
}
