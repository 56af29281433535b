package brokerlet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Prints each line of a list of tests that names a class, or a method of one, that there is none of. */
public final class LeftOutNames {
  private LeftOutNames() {}

  public static void main(String[] args) throws IOException {
    try (var lines = Files.lines(Path.of(args[0]))) {
      lines.filter(line -> !line.isEmpty() && !line.startsWith("#") && !exists(line)).forEach(System.out::println);
    }
  }

  private static boolean exists(String line) {
    // One of several runs is named with its number, and a race with a question mark.
    String[] name = line.replaceFirst("(\\[\\d+])?\\??$", "").split("#");
    try {
      Class<?> type = Class.forName(name[0], false, LeftOutNames.class.getClassLoader());
      return name.length == 1 || hasMethod(type, name[1]);
    } catch (ClassNotFoundException error) {
      return false;
    }
  }

  /** A test may be inherited. */
  private static boolean hasMethod(Class<?> type, String name) {
    if (type == null) return false;
    boolean own = Arrays.stream(type.getDeclaredMethods()).anyMatch(method -> method.getName().equals(name));
    return own || hasMethod(type.getSuperclass(), name);
  }
}
