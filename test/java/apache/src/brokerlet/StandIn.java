package brokerlet;

import java.util.Map;
import org.mockito.Mockito;

/** Stands in for an object inside a broker of Kafka: it knows some answers, and says plainly that it has no others. */
public final class StandIn {
  public interface Answer {
    Object of(Object[] args) throws Exception;
  }

  private StandIn() {}

  /** By the names of methods. */
  public static <T> T of(Class<T> type, Map<String, Answer> answers) {
    String name = type.getSimpleName();
    return Mockito.mock(
        type,
        Mockito.withSettings()
            .stubOnly()
            .defaultAnswer(
                call -> {
                  String method = call.getMethod().getName();
                  Answer answer = answers.get(method);
                  if (answer != null) return answer.of(call.getArguments());
                  if (method.equals("toString")) return "brokerlet's " + name;
                  throw new UnsupportedOperationException("brokerlet has no " + name + "." + method);
                }));
  }
}
