package brokerlet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;

/** The program beside this process that serves the clusters of all tests: cluster.js, a line of JSON each way. */
public final class ClusterProgram {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Process process;
  private static BufferedReader answers;

  private ClusterProgram() {}

  /** Has the program do something, and gives its answer. */
  public static synchronized JsonNode ask(Map<String, ?> request) {
    try {
      if (process == null) start();
      process.outputWriter().write(JSON.writeValueAsString(request) + "\n");
      process.outputWriter().flush();
      String answer = answers.readLine();
      if (answer == null) throw new IllegalStateException("cluster.js has ended");
      JsonNode told = JSON.readTree(answer);
      if (told.has("error")) throw new IllegalStateException(told.get("error").asText());
      return told;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  // It ends when its input does, which is when this process does.
  private static void start() throws IOException {
    String program = System.getProperty("brokerlet.cluster");
    process = new ProcessBuilder("node", program).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    answers = process.inputReader();
  }
}
