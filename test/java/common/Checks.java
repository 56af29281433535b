import java.time.Duration;
import java.util.regex.Pattern;

/** What scenarios expect, and how long they wait for it. */
class Checks {
  /** More than anything takes that comes at all. */
  static final Duration PATIENCE = Duration.ofSeconds(30);

  interface Condition {
    boolean holds() throws Exception;
  }

  interface Action {
    void run() throws Exception;
  }

  static void until(String what, Condition condition) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.holds()) {
      if (System.nanoTime() > end) throw new AssertionError("never came: " + what);
      Thread.sleep(30);
    }
  }

  static void equal(Object expected, Object actual, String what) {
    if (!expected.equals(actual)) throw new AssertionError(what + ": expected " + expected + ", received " + actual);
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError("expected " + what);
  }

  static <E extends Throwable> E refused(Class<E> kind, Action action) {
    try {
      action.run();
    } catch (Throwable error) {
      if (kind.isInstance(error)) return kind.cast(error);
      throw new AssertionError("expected " + kind.getSimpleName() + ", received " + error, error);
    }
    throw new AssertionError("expected " + kind.getSimpleName() + ", and it went well");
  }

  static void matches(String regex, String text) {
    if (!Pattern.compile(regex).matcher(text).find()) throw new AssertionError("expected " + regex + " in\n" + text);
  }
}
