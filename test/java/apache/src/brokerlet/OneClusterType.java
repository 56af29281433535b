package brokerlet;

import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.test.junit.ClusterTestExtensions;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A test that runs where brokers are controllers does not run once more where they are not: brokerlet has only the former. */
public final class OneClusterType implements ExecutionCondition {
  static final String REASON = "it runs where brokers are controllers, too";

  private static final String ISOLATED = "Type=Raft-Isolated";
  private static final String COMBINED = "Type=Raft-Combined";

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    String run = withoutNumber(context.getDisplayName());
    if (!run.contains(ISOLATED)) return ConditionEvaluationResult.enabled("brokers are controllers");
    return runs(context.getParent().orElseThrow()).contains(run.replace(ISOLATED, COMBINED))
        ? ConditionEvaluationResult.disabled(REASON)
        : ConditionEvaluationResult.enabled("it runs nowhere else");
  }

  private static Set<String> runs(ExtensionContext test) {
    return new ClusterTestExtensions()
        .provideTestTemplateInvocationContexts(test)
        .map(each -> withoutNumber(each.getDisplayName(0)))
        .collect(Collectors.toSet());
  }

  private static String withoutNumber(String run) {
    return run.replaceFirst("\\[\\d+] Type", "Type");
  }
}
