package kafka.integration

import kafka.server._
import kafka.utils.TestUtils
import org.apache.kafka.clients.admin.Admin
import org.apache.kafka.common.acl.{AccessControlEntry, AclBinding}
import org.apache.kafka.common.network.ListenerName
import org.apache.kafka.common.resource.ResourcePattern
import org.apache.kafka.common.security.auth.SecurityProtocol
import org.apache.kafka.common.utils.Time
import org.apache.kafka.common.Uuid
import org.apache.kafka.server.authorizer.Authorizer
import org.junit.jupiter.api.{AfterEach, BeforeEach, TestInfo}

import java.io.File
import java.time.Duration
import java.util.Properties
import scala.collection.{Map, Seq, mutable}
import scala.jdk.CollectionConverters._
import scala.util.{Random, Using}

/** In the place of Apache's class of this name: a test's brokers are those of one server of brokerlet. */
abstract class KafkaServerTestHarness extends QuorumTestHarness {
  type Leaders = scala.collection.immutable.Map[Int, Int]

  var instanceConfigs: Seq[KafkaConfig] = _
  var alive: Array[Boolean] = _
  private val _brokers = mutable.ArrayBuffer[KafkaBroker]()

  def generateConfigs: Seq[KafkaConfig]
  def configureSecurityBeforeServersStart(testInfo: TestInfo): Unit = {}
  def configureSecurityAfterServersStart(): Unit = {}
  protected def securityProtocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
  protected def listenerName: ListenerName = ListenerName.forSecurityProtocol(securityProtocol)
  protected def trustStoreFile: Option[File] = None
  protected def serverSaslProperties: Option[Properties] = None
  protected def clientSaslProperties: Option[Properties] = None
  protected def brokerTime(brokerId: Int): Time = Time.SYSTEM

  def brokers: mutable.Buffer[KafkaBroker] = _brokers
  def servers: mutable.Buffer[KafkaBroker] = _brokers
  def brokerServers: mutable.Buffer[BrokerServer] = _brokers.asInstanceOf[mutable.Buffer[BrokerServer]]
  def aliveBrokers: Seq[KafkaBroker] = _brokers.indices.filter(alive(_)).map(_brokers(_))
  def serverForId(id: Int): Option[KafkaBroker] = _brokers.find(_.config.brokerId == id)
  def boundPort(server: KafkaBroker): Int = server.boundPort(listenerName)
  def bootstrapServers(listenerName: ListenerName = listenerName): String = implementation.bootstrapServers(listenerName)

  def configs: Seq[KafkaConfig] = {
    if (instanceConfigs == null) instanceConfigs = generateConfigs
    instanceConfigs
  }

  @BeforeEach
  override def setUp(testInfo: TestInfo): Unit = {
    super.setUp(testInfo)
    val generated = configs
    configureSecurityBeforeServersStart(testInfo)
    alive = Array.fill(generated.size)(false)
    _brokers ++= generated.map(config => createBroker(config, brokerTime(config.brokerId), startup = false))
    restartDeadBrokers()
    configureSecurityAfterServersStart()
  }

  @AfterEach
  override def tearDown(): Unit = super.tearDown()

  def killRandomBroker(): Int = {
    val index = Random.nextInt(_brokers.size)
    killBroker(index)
    index
  }
  def killBroker(index: Int): Unit = killBroker(index, Duration.ofMinutes(5))
  def killBroker(index: Int, timeout: Duration): Unit = if (alive(index)) {
    _brokers(index).shutdown(timeout)
    alive(index) = false
  }
  def startBroker(index: Int): Unit = if (!alive(index)) {
    _brokers(index).startup()
    alive(index) = true
  }
  def restartDeadBrokers(reconfigure: Boolean = false): Unit =
    if (reconfigure) notHere("a broker does not start anew with other configs") else _brokers.indices.foreach(startBroker)
  def recreateBrokers(reconfigure: Boolean = false, startup: Boolean = false): Unit =
    notHere("a broker does not start anew with other configs")

  /** There is no such topic here. */
  def createOffsetsTopic(listenerName: ListenerName = listenerName, adminClientConfig: Properties = new Properties): Unit = {}

  def createTopic(
    topic: String,
    numPartitions: Int = 1,
    replicationFactor: Int = 1,
    topicConfig: Properties = new Properties,
    listenerName: ListenerName = listenerName,
    adminClientConfig: Properties = new Properties
  ): Leaders = withAdmin(listenerName, adminClientConfig) { admin =>
    TestUtils.createTopicWithAdmin(admin, topic, _brokers, controllerServers, numPartitions, replicationFactor, topicConfig = topicConfig)
  }

  def createTopicWithAssignment(
    topic: String,
    partitionReplicaAssignment: Map[Int, Seq[Int]],
    listenerName: ListenerName = listenerName
  ): Leaders = withAdmin(listenerName) { admin =>
    TestUtils.createTopicWithAdmin(admin, topic, _brokers, controllerServers, replicaAssignment = partitionReplicaAssignment)
  }

  def deleteTopic(topic: String, listenerName: ListenerName = listenerName): Unit = withAdmin(listenerName) { admin =>
    TestUtils.deleteTopicWithAdmin(admin, topic, aliveBrokers, controllerServers)
  }

  def getTopicIds(): scala.collection.immutable.Map[String, Uuid] =
    controllerServer.controller.findAllTopicIds(null).get.asScala.toMap
  def getTopicIds(names: Seq[String]): scala.collection.immutable.Map[String, Uuid] = {
    val ids = getTopicIds()
    names.map(name => name -> ids.getOrElse(name, Uuid.ZERO_UUID)).toMap
  }
  def getTopicNames(): scala.collection.immutable.Map[Uuid, String] = getTopicIds().map(_.swap)

  /** The answer to a change comes when it is made. */
  def ensureConsistentKRaftMetadata(): Unit = {}
  def waitForUserScramCredentialToAppearOnAllBrokers(clientPrincipal: String, mechanismName: String): Unit = {}

  def addAndVerifyAcls(acls: Set[AccessControlEntry], resource: ResourcePattern): Unit =
    authorizer.createAcls(null, acls.map(new AclBinding(resource, _)).toList.asJava)
  def removeAndVerifyAcls(acls: Set[AccessControlEntry], resource: ResourcePattern): Unit =
    authorizer.deleteAcls(null, acls.map(new AclBinding(resource, _).toFilter).toList.asJava)
  def changeClientIdConfig(sanitizedClientId: String, configs: Properties): Unit = notHere("there are no quotas")

  private def notHere(why: String): Nothing = throw new UnsupportedOperationException(why)

  private def withAdmin[T](listener: ListenerName, config: Properties = new Properties)(ask: Admin => T): T =
    Using.resource(TestUtils.createAdminClient(_brokers, listener, config))(ask)

  private def authorizer: Authorizer = _brokers.head.authorizerPlugin.get.get
}
