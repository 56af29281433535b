package brokerlet;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.test.ClusterInstance;
import org.apache.kafka.common.test.api.AutoStart;
import org.apache.kafka.common.test.api.ClusterConfig;
import org.apache.kafka.common.test.api.ClusterConfigProperty;
import org.apache.kafka.common.test.api.ClusterTemplate;
import org.apache.kafka.common.test.api.ClusterTest;
import org.apache.kafka.common.test.api.ClusterTestDefaults;
import org.apache.kafka.common.test.api.ClusterTests;
import org.apache.kafka.common.test.api.Type;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;
import org.junit.platform.commons.support.ReflectionSupport;

/** Runs a test once for each cluster that it asks for, whichever its types: brokerlet has but one. */
public final class ClusterExtension implements TestTemplateInvocationContextProvider {
  @ClusterTestDefaults
  private static final class Plain {}

  @Override
  public boolean supportsTestTemplate(ExtensionContext context) {
    return true;
  }

  @Override
  public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(ExtensionContext context) {
    return configs(context).map(OwnCluster::new);
  }

  private static Stream<ClusterConfig> configs(ExtensionContext context) {
    Method method = context.getRequiredTestMethod();
    Class<?> type = context.getRequiredTestClass();
    ClusterTemplate template = method.getAnnotation(ClusterTemplate.class);
    if (template != null) {
      Method source = ReflectionSupport.findMethod(type, template.value()).orElseThrow();
      return ((List<?>) ReflectionSupport.invokeMethod(source, null)).stream().map(ClusterConfig.class::cast);
    }
    ClusterTestDefaults own = type.getAnnotation(ClusterTestDefaults.class);
    ClusterTestDefaults defaults = own == null ? Plain.class.getAnnotation(ClusterTestDefaults.class) : own;
    ClusterTests several = method.getAnnotation(ClusterTests.class);
    ClusterTest[] tests = several == null ? method.getAnnotationsByType(ClusterTest.class) : several.value();
    return Arrays.stream(tests).map(test -> config(test, defaults));
  }

  private static ClusterConfig config(ClusterTest test, ClusterTestDefaults defaults) {
    Map<String, String> properties = new HashMap<>();
    Map<Integer, Map<String, String>> perServer = new HashMap<>();
    for (ClusterConfigProperty[] given : List.of(defaults.serverProperties(), test.serverProperties())) {
      for (ClusterConfigProperty each : given) {
        var of = each.id() == -1 ? properties : perServer.computeIfAbsent(each.id(), id -> new HashMap<>());
        of.put(each.key(), each.value());
      }
    }
    Type[] types = test.types().length == 0 ? defaults.types() : test.types();
    AutoStart autoStart = test.autoStart();
    return ClusterConfig.builder()
        .setTypes(Set.of(types))
        .setBrokers(test.brokers() == 0 ? defaults.brokers() : test.brokers())
        .setControllers(test.controllers() == 0 ? defaults.controllers() : test.controllers())
        .setDisksPerBroker(test.disksPerBroker() == 0 ? defaults.disksPerBroker() : test.disksPerBroker())
        .setAutoStart(autoStart == AutoStart.DEFAULT ? defaults.autoStart() : autoStart == AutoStart.YES)
        .setBrokerSecurityProtocol(test.brokerSecurityProtocol())
        .setBrokerListenerName(new ListenerName(test.brokerListener()))
        .setMetadataVersion(test.metadataVersion())
        .setServerProperties(properties)
        .setPerServerProperties(perServer)
        .build();
  }

  private static final class OwnCluster
      implements TestTemplateInvocationContext,
          BeforeEachCallback,
          AfterEachCallback,
          InvocationInterceptor,
          ParameterResolver {
    private final ServedCluster cluster;

    OwnCluster(ClusterConfig config) {
      cluster = new ServedCluster(config);
    }

    @Override
    public List<Extension> getAdditionalExtensions() {
      return List.of(this);
    }

    @Override
    public void beforeEach(ExtensionContext context) {
      if (cluster.config().isAutoStart()) cluster.start();
    }

    @Override
    public void interceptTestTemplateMethod(
        Invocation<Void> test, ReflectiveInvocationContext<Method> method, ExtensionContext context)
        throws Throwable {
      if (LeftOut.contains(context)) LeftOut.runBriefly(test::proceed);
      else test.proceed();
    }

    @Override
    public void afterEach(ExtensionContext context) {
      cluster.stop();
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
      return parameter.getParameter().getType() == ClusterInstance.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
      return cluster;
    }
  }
}
