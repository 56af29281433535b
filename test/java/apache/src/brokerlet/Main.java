package brokerlet;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.test.api.ClusterTemplate;
import org.apache.kafka.common.test.api.ClusterTest;
import org.apache.kafka.common.test.api.ClusterTests;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs tests, and prints a line for each as it ends: the outcome, its name and why, with tabs between.
 *
 * <p>The arguments are whether they are those that ask for a cluster by an annotation ({@code cluster}) or those that
 * bring their own ({@code own}), a pattern of the names of their classes, and the jars where they are.
 */
public final class Main implements TestExecutionListener {
  // Tests print, and put other streams in the place of this one.
  private final PrintStream out = System.out;
  private final Map<String, Long> started = new HashMap<>();
  private final Map<String, Integer> runs = new HashMap<>();

  public static void main(String[] args) {
    Set<Path> jars = Arrays.stream(args).skip(2).map(Path::of).collect(Collectors.toSet());
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(DiscoverySelectors.selectClasspathRoots(jars))
            .filters(ClassNameFilter.includeClassNamePatterns(args[1]), TagFilter.includeTags("integration"))
            .filters((PostDiscoveryFilter) test -> FilterResult.includedIf(isOfKind(test, args[0])))
            // Apache's extension, and those here.
            .configurationParameter("junit.jupiter.extensions.autodetection.enabled", "true")
            .build();
    endWithInput();
    LauncherFactory.create().execute(request, new Main());
    // Threads that tests have left behind would go on.
    System.exit(0);
  }

  /** Whoever reads the lines may be gone, perhaps killed. */
  private static void endWithInput() {
    InputStream input = System.in;
    // A test that reads finds nothing, and does not wait.
    System.setIn(InputStream.nullInputStream());
    Thread reader =
        new Thread(
            () -> {
              try {
                input.transferTo(OutputStream.nullOutputStream());
              } catch (IOException gone) {
                // As if it had ended.
              }
              Runtime.getRuntime().halt(1);
            },
            "input");
    reader.setDaemon(true);
    reader.start();
  }

  private static boolean isOfKind(TestDescriptor test, String kind) {
    MethodSource method = (MethodSource) test.getSource().filter(MethodSource.class::isInstance).orElse(null);
    if (method == null) return true;
    boolean cluster =
        Stream.of(ClusterTest.class, ClusterTests.class, ClusterTemplate.class)
            .anyMatch(each -> method.getJavaMethod().isAnnotationPresent(each));
    return cluster == kind.equals("cluster");
  }

  @Override
  public void executionStarted(TestIdentifier test) {
    started.put(test.getUniqueId(), System.nanoTime());
  }

  @Override
  public void executionSkipped(TestIdentifier test, String reason) {
    if (!reason.contains(OneClusterType.REASON)) tell("skipped", test, reason);
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    boolean ok = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
    // A container by itself is of no interest, unless it could not even begin.
    if (!test.isTest() && ok) return;
    tell(ok ? "ok" : "failed", test, result.getThrowable().map(Main::trace).orElse(""));
  }

  private void tell(String outcome, TestIdentifier test, String why) {
    String name = name(test);
    if (test.isTest()) {
      int run = runs.merge(name, 1, Integer::sum);
      if (run > 1) name += "[" + run + "]";
    }
    long ms = (System.nanoTime() - started.getOrDefault(test.getUniqueId(), System.nanoTime())) / 1_000_000;
    out.println(outcome + "\t" + name + "\t" + ms + "\t" + why.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "  "));
    out.flush();
  }

  private static String name(TestIdentifier test) {
    TestSource source = test.getSource().orElse(null);
    if (source instanceof MethodSource method) return method.getClassName() + "#" + method.getMethodName();
    if (source instanceof ClassSource type) return type.getClassName();
    return test.getDisplayName();
  }

  private static String trace(Throwable error) {
    var text = new StringWriter();
    error.printStackTrace(new PrintWriter(text));
    return text.toString().lines().filter(line -> !line.contains("org.junit.")).limit(60).collect(Collectors.joining("\n"));
  }
}
