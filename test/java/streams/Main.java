import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Runs Kafka Streams applications against a broker: {@code Main ADDRESS classic|streams [PART OF A NAME]}. */
public class Main {
  interface Scenario {
    void run(Scene scene) throws Exception;
  }

  static final Map<String, Scenario> scenarios = new LinkedHashMap<>();

  /** Those that need the process for themselves: Kafka's programs print to it. */
  static final Map<String, Scenario> alone = new LinkedHashMap<>();

  static boolean failed = false;

  public static void main(String[] args) throws Exception {
    Records.addTo(scenarios);
    Tables.addTo(scenarios);
    Windows.addTo(scenarios);
    Joins.addTo(scenarios);
    Instances.addTo(scenarios);
    ExactlyOnce.addTo(scenarios);
    Queries.addTo(scenarios);
    Topics.addTo(scenarios);
    if (args[1].equals("classic")) {
      ClassicGroups.addTo(scenarios);
      Tools.addClassicTo(alone);
    } else {
      StreamsGroups.addTo(scenarios);
      Tools.addStreamsTo(alone);
    }
    Tools.addTo(alone);
    String part = args.length > 2 ? args[2] : "";
    // They mostly wait.
    var threads = Executors.newFixedThreadPool(5);
    List<Future<?>> running = new ArrayList<>();
    int number = 0;
    for (var each : scenarios.entrySet()) {
      String name = "s" + ++number + "-" + Long.toString(System.nanoTime(), 36);
      if (each.getKey().contains(part)) running.add(threads.submit(() -> run(args, name, each.getKey(), each.getValue())));
    }
    for (var each : running) each.get();
    threads.shutdown();
    for (var each : alone.entrySet()) {
      if (each.getKey().contains(part)) run(args, "t" + Long.toString(System.nanoTime(), 36), each.getKey(), each.getValue());
    }
    System.exit(failed ? 1 : 0);
  }

  static void run(String[] args, String name, String sentence, Scenario scenario) {
    long started = System.nanoTime();
    String outcome = "ok";
    StringWriter trace = new StringWriter();
    try (Scene scene = new Scene(args[0], args[1], name)) {
      try {
        scenario.run(scene);
      } catch (Throwable error) {
        for (Throwable each : scene.errors()) error.addSuppressed(each);
        throw error;
      }
    } catch (Throwable error) {
      outcome = "failed";
      failed = true;
      error.printStackTrace(new PrintWriter(trace));
    }
    long ms = (System.nanoTime() - started) / 1_000_000;
    synchronized (Main.class) {
      System.out.println(outcome + "\t" + ms + "\t" + sentence + "\t" + trace.toString().replace("\n", "\\n").replace("\t", "  "));
    }
  }
}
