package brokerlet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/** The tests that cannot pass here: left-out.txt. They are run all the same, but nobody waits a minute for each. */
public final class LeftOut implements BeforeEachCallback, InvocationInterceptor {
  private static final long PATIENCE_MS = 5000;
  private static final Set<String> NAMES = names();
  private static final Map<String, Integer> RUNS = new HashMap<>();
  private static final ScheduledExecutorService TIMER =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            // Apache's extension takes no thread of this name for one that a test has left behind.
            var thread = new Thread(task, "junit-left-out");
            thread.setDaemon(true);
            return thread;
          });

  /** Counts the runs of a test as {@link Main} does. */
  @Override
  public void beforeEach(ExtensionContext test) {
    RUNS.merge(nameOf(test), 1, Integer::sum);
  }

  @Override
  public void interceptTestMethod(
      Invocation<Void> test, ReflectiveInvocationContext<Method> method, ExtensionContext context) throws Throwable {
    if (contains(context)) runBriefly(test);
    else test.proceed();
  }

  @Override
  public void interceptTestTemplateMethod(
      Invocation<Void> test, ReflectiveInvocationContext<Method> method, ExtensionContext context) throws Throwable {
    interceptTestMethod(test, method, context);
  }

  private static boolean contains(ExtensionContext test) {
    String name = nameOf(test);
    int run = RUNS.getOrDefault(name, 1);
    return NAMES.contains(test.getRequiredTestClass().getName())
        || NAMES.contains(run == 1 ? name : name + "[" + run + "]");
  }

  private static String nameOf(ExtensionContext test) {
    return test.getRequiredTestClass().getName() + "#" + test.getRequiredTestMethod().getName();
  }

  private static void runBriefly(Invocation<Void> test) throws Throwable {
    Thread thread = Thread.currentThread();
    var end = TIMER.schedule(thread::interrupt, PATIENCE_MS, TimeUnit.MILLISECONDS);
    try {
      test.proceed();
    } finally {
      end.cancel(false);
      // What comes after the test is not to end as well.
      Thread.interrupted();
    }
  }

  private static Set<String> names() {
    try (var lines = Files.lines(Path.of(System.getProperty("brokerlet.leftOut")))) {
      return lines.collect(Collectors.toSet());
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
