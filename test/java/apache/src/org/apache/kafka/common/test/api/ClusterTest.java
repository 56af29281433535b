package org.apache.kafka.common.test.api;

import brokerlet.ClusterExtension;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.server.common.MetadataVersion;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A test that gets a cluster of its own. */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@TestTemplate
@Timeout(60)
@Tag("cluster")
@ExtendWith(ClusterExtension.class)
public @interface ClusterTest {
  Type[] types() default {};

  /** 0, as in the following: as the class says. */
  int brokers() default 0;

  int controllers() default 0;

  int disksPerBroker() default 0;

  AutoStart autoStart() default AutoStart.DEFAULT;

  SecurityProtocol brokerSecurityProtocol() default SecurityProtocol.PLAINTEXT;

  String brokerListener() default "EXTERNAL";

  SecurityProtocol controllerSecurityProtocol() default SecurityProtocol.PLAINTEXT;

  String controllerListener() default "CONTROLLER";

  MetadataVersion metadataVersion() default MetadataVersion.IBP_4_3_IV0;

  ClusterConfigProperty[] serverProperties() default {};

  String[] tags() default {};

  ClusterFeature[] features() default {};

  boolean standalone() default false;
}
