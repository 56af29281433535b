package org.apache.kafka.common.test.api;

import brokerlet.ClusterExtension;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A test whose clusters are given by a static method of its class. */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@TestTemplate
@Timeout(60)
@Tag("cluster")
@ExtendWith(ClusterExtension.class)
public @interface ClusterTemplate {
  String value();
}
