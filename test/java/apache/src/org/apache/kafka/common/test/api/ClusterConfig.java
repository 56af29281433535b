package org.apache.kafka.common.test.api;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.server.common.Feature;
import org.apache.kafka.server.common.MetadataVersion;

/** What cluster a test wants. */
public final class ClusterConfig {
  private final Builder given;

  private ClusterConfig(Builder given) {
    this.given = given;
  }

  public static Builder defaultBuilder() {
    return new Builder();
  }

  public static Builder builder() {
    return new Builder();
  }

  public Set<Type> clusterTypes() {
    return given.types;
  }

  public int numBrokers() {
    return given.brokers;
  }

  public int numControllers() {
    return given.controllers;
  }

  public int numDisksPerBroker() {
    return given.disksPerBroker;
  }

  public boolean isAutoStart() {
    return given.autoStart;
  }

  public SecurityProtocol brokerSecurityProtocol() {
    return given.securityProtocol;
  }

  public ListenerName brokerListenerName() {
    return given.listenerName;
  }

  public MetadataVersion metadataVersion() {
    return given.metadataVersion;
  }

  public Map<String, String> serverProperties() {
    return given.properties;
  }

  public Map<Integer, Map<String, String>> perServerOverrideProperties() {
    return given.perServerProperties;
  }

  public Map<Feature, Short> features() {
    return given.features;
  }

  public static final class Builder {
    private Set<Type> types = EnumSet.allOf(Type.class);
    private int brokers = 1;
    private int controllers = 1;
    private int disksPerBroker = 1;
    private boolean autoStart = true;
    private SecurityProtocol securityProtocol = SecurityProtocol.PLAINTEXT;
    private ListenerName listenerName = new ListenerName("EXTERNAL");
    private MetadataVersion metadataVersion = MetadataVersion.latestProduction();
    private Map<String, String> properties = Map.of();
    private Map<Integer, Map<String, String>> perServerProperties = Map.of();
    private Map<Feature, Short> features = Map.of();

    private Builder() {}

    public Builder setTypes(Set<Type> types) {
      this.types = Set.copyOf(types);
      return this;
    }

    public Builder setBrokers(int brokers) {
      this.brokers = brokers;
      return this;
    }

    public Builder setControllers(int controllers) {
      this.controllers = controllers;
      return this;
    }

    public Builder setDisksPerBroker(int disksPerBroker) {
      this.disksPerBroker = disksPerBroker;
      return this;
    }

    public Builder setAutoStart(boolean autoStart) {
      this.autoStart = autoStart;
      return this;
    }

    public Builder setBrokerSecurityProtocol(SecurityProtocol securityProtocol) {
      this.securityProtocol = securityProtocol;
      return this;
    }

    public Builder setBrokerListenerName(ListenerName listenerName) {
      this.listenerName = listenerName;
      return this;
    }

    public Builder setMetadataVersion(MetadataVersion metadataVersion) {
      this.metadataVersion = metadataVersion;
      return this;
    }

    public Builder setServerProperties(Map<String, String> properties) {
      this.properties = Map.copyOf(properties);
      return this;
    }

    public Builder setPerServerProperties(Map<Integer, Map<String, String>> properties) {
      var copy = new HashMap<Integer, Map<String, String>>();
      properties.forEach((id, each) -> copy.put(id, Map.copyOf(each)));
      this.perServerProperties = copy;
      return this;
    }

    public Builder setFeatures(Map<Feature, Short> features) {
      this.features = Map.copyOf(features);
      return this;
    }

    public ClusterConfig build() {
      return new ClusterConfig(this);
    }
  }
}
