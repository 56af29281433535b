import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.utils.internals.Exit;

/** Runs Kafka's own programs in this process. */
class Programs {
  /** Ends a program in place of the process. */
  static class Exited extends RuntimeException {}

  interface Program {
    void main(String[] args) throws Exception;
  }

  /** What a program prints, run in this process. */
  static String printed(int code, Program program, String... args) throws Exception {
    PrintStream out = System.out;
    PrintStream err = System.err;
    var bytes = new ByteArrayOutputStream();
    var into = new PrintStream(bytes, true);
    // Some take the end for an error of theirs, and end once more.
    List<Integer> codes = new ArrayList<>();
    Exit.setExitProcedure((ended, message) -> {
      codes.add(ended);
      throw new Exited();
    });
    System.setOut(into);
    System.setErr(into);
    try {
      program.main(args);
    } catch (Exited ended) {
      // It has said why.
    } finally {
      System.setOut(out);
      System.setErr(err);
      Exit.resetExitProcedure();
    }
    Checks.equal(code, codes.isEmpty() ? 0 : codes.get(0), "the code that it ended with, and what it printed:\n" + bytes + "\n");
    return bytes.toString();
  }
}
