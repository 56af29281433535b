import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Scenarios by the sentences that they show, each with a scene of its own; prints a line for each as it ends. */
class Scenarios<S extends AutoCloseable> {
  interface Scenario<S> {
    void run(S scene) throws Exception;
  }

  interface Stage<S> {
    S scene(String name) throws Exception;

    /** What has failed in it beside. */
    default List<Throwable> errors(S scene) {
      return List.of();
    }
  }

  /** Run side by side. */
  final Map<String, Scenario<S>> scenarios = new LinkedHashMap<>();

  /** Those that need the process for themselves: Kafka's programs print to it. */
  final Map<String, Scenario<S>> alone = new LinkedHashMap<>();

  private final Stage<S> stage;
  private boolean failed = false;

  Scenarios(Stage<S> stage) {
    this.stage = stage;
  }

  /** Runs those whose sentence contains the part, in so many threads, and ends the process. */
  void play(int threadCount, String part) throws Exception {
    var threads = Executors.newFixedThreadPool(threadCount);
    List<Future<?>> running = new ArrayList<>();
    int number = 0;
    for (var each : scenarios.entrySet()) {
      String name = "s" + ++number + "-" + Long.toString(System.nanoTime(), 36);
      if (each.getKey().contains(part)) running.add(threads.submit(() -> run(name, each.getKey(), each.getValue())));
    }
    for (var each : running) each.get();
    threads.shutdown();
    for (var each : alone.entrySet()) {
      if (each.getKey().contains(part)) run("t" + Long.toString(System.nanoTime(), 36), each.getKey(), each.getValue());
    }
    System.exit(failed ? 1 : 0);
  }

  private void run(String name, String sentence, Scenario<S> scenario) {
    long started = System.nanoTime();
    String outcome = "ok";
    StringWriter trace = new StringWriter();
    try (S scene = stage.scene(name)) {
      try {
        scenario.run(scene);
      } catch (Throwable error) {
        for (Throwable each : stage.errors(scene)) error.addSuppressed(each);
        throw error;
      }
    } catch (Throwable error) {
      outcome = "failed";
      failed = true;
      error.printStackTrace(new PrintWriter(trace));
    }
    long ms = (System.nanoTime() - started) / 1_000_000;
    synchronized (this) {
      System.out.println(outcome + "\t" + ms + "\t" + sentence + "\t" + trace.toString().replace("\n", "\\n").replace("\t", "  "));
    }
  }
}
