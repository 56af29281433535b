package kafka.server

import brokerlet.HarnessCluster
import kafka.utils.{Logging, TestInfoUtils}
import org.apache.kafka.clients.consumer.GroupProtocol
import org.apache.kafka.common.security.JaasUtils
import org.apache.kafka.common.security.auth.SecurityProtocol
import org.apache.kafka.common.utils.Time
import org.apache.kafka.metadata.storage.Formatter
import org.apache.kafka.server.common.MetadataVersion
import org.apache.kafka.server.fault.MockFaultHandler
import org.junit.jupiter.api.{AfterEach, BeforeEach, Tag, TestInfo}
import org.junit.jupiter.params.provider.Arguments

import java.util.Properties
import java.util.stream.Stream
import javax.security.auth.login.Configuration
import scala.collection.Seq

/** In the place of Apache's class of this name: its brokers are those of brokerlet. */
@Tag("integration")
abstract class QuorumTestHarness extends Logging {
  protected val controllerListenerSecurityProtocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
  val faultHandler = new MockFaultHandler("harness")
  protected var implementation: HarnessCluster = _
  private var testInfo: TestInfo = _

  protected def kraftControllerConfigs(testInfo: TestInfo): Seq[Properties] = Seq(new Properties)
  protected def metadataVersion: MetadataVersion = MetadataVersion.latestTesting()
  protected def extraControllerSecurityProtocols(): Seq[SecurityProtocol] = Seq.empty
  def addFormatterSettings(formatter: Formatter): Unit = {}

  def maybeGroupProtocolSpecified(): Option[GroupProtocol] = TestInfoUtils.maybeGroupProtocolSpecified(testInfo)
  def groupProtocolFromTestParameters(): GroupProtocol =
    maybeGroupProtocolSpecified().getOrElse(throw new IllegalStateException("The test has no parameter groupProtocol"))

  def controllerServer: ControllerServer = implementation.controller
  /** Nobody has to wait for a controller. */
  def controllerServers: Seq[ControllerServer] = Seq.empty

  @BeforeEach
  def setUp(testInfo: TestInfo): Unit = {
    this.testInfo = testInfo
    implementation = new HarnessCluster
  }

  def createBroker(
    config: KafkaConfig,
    time: Time = Time.SYSTEM,
    startup: Boolean = true,
    threadNamePrefix: Option[String] = None
  ): KafkaBroker = {
    val broker = implementation.add(config)
    if (startup) broker.startup()
    broker
  }

  @AfterEach
  def tearDown(): Unit = {
    if (implementation != null) implementation.close()
    System.clearProperty(JaasUtils.JAVA_LOGIN_CONFIG_PARAM)
    Configuration.setConfiguration(null)
  }
}

object QuorumTestHarness {
  def getTestGroupProtocolParametersAll: Stream[Arguments] = protocols("classic", "consumer")
  def getTestGroupProtocolParametersClassicGroupProtocolOnly: Stream[Arguments] = protocols("classic")
  def getTestGroupProtocolParametersConsumerGroupProtocolOnly: Stream[Arguments] = protocols("consumer")

  private def protocols(names: String*): Stream[Arguments] = Stream.of(names.map(Arguments.of(_)): _*)
}
