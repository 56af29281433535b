package brokerlet

import com.fasterxml.jackson.databind.JsonNode
import kafka.cluster.Partition
import kafka.log.LogManager
import kafka.network.SocketServer
import kafka.server._
import kafka.utils.TestUtils
import org.apache.kafka.clients.admin.{Admin, AdminClientConfig}
import org.apache.kafka.common.acl.{AclBinding, AclBindingFilter}
import org.apache.kafka.common.internals.Plugin
import org.apache.kafka.common.network.ListenerName
import org.apache.kafka.common.protocol.{ApiKeys, ByteBufferAccessor}
import org.apache.kafka.common.requests.{MetadataRequest, MetadataResponse, RequestHeader, ResponseHeader}
import org.apache.kafka.common.security.auth.{KafkaPrincipalBuilder, PlaintextAuthenticationContext, SecurityProtocol}
import org.apache.kafka.common.utils.Utils
import org.apache.kafka.common.{Node, TopicPartition, Uuid}
import org.apache.kafka.controller.{Controller, ResultOrError}
import org.apache.kafka.metadata.{BrokerState, KRaftMetadataCache, LeaderAndIsr}
import org.apache.kafka.server.BrokerLifecycleManager
import org.apache.kafka.server.authorizer.AclDeleteResult.AclBindingDeleteResult
import org.apache.kafka.server.authorizer.{AclCreateResult, AclDeleteResult, Authorizer}
import org.apache.kafka.storage.internals.log.UnifiedLog

import java.io.{DataInputStream, DataOutputStream, File}
import java.net.{InetAddress, Socket}
import java.nio.ByteBuffer
import java.security.KeyStore
import java.time.Duration
import java.util
import java.util.concurrent.CompletableFuture
import java.util.{Base64, UUID}
import scala.collection.mutable
import scala.jdk.CollectionConverters._
import scala.jdk.OptionConverters._
import scala.reflect.ClassTag
import scala.util.Using

/** The brokers of one test: those of a server that starts with the first of them. Stand-ins tell what a client could see. */
class HarnessCluster {
  private val configs = mutable.ArrayBuffer[KafkaConfig]()
  private val running = mutable.Set[Int]()
  private var ports = Map[(Int, String), Int]()
  private var openPort = 0
  private var name = ""
  private var clusterId = ""

  def bootstrapServers(listener: ListenerName): String =
    configs.map(config => s"localhost:${port(config.brokerId, listener)}").mkString(",")

  // Most servers have one listener, whatever the test calls it.
  private def port(id: Int, listener: ListenerName): Int =
    ports.getOrElse((id, listener.value), ports((id, HarnessCluster.onlyListener)))

  def add(config: KafkaConfig): KafkaBroker = {
    configs += config
    val id = config.brokerId
    lazy val apis = standIn[KafkaApis](
      "metadataCache" -> (_ => metadataCache),
      "clusterId" -> (_ => clusterId),
      "authorizerPlugin" -> (_ => Some(authorizer))
    )
    standIn[BrokerServer](
      "config" -> (_ => config),
      "clusterId" -> (_ => clusterId),
      "boundPort" -> { case Seq(listener: ListenerName) => port(id, listener) },
      "socketServer" -> (_ => standIn[SocketServer]("boundPort" -> { case Seq(listener: ListenerName) => port(id, listener) })),
      "authorizerPlugin" -> (_ => Some(authorizer)),
      "brokerState" -> (_ => if (running(id)) BrokerState.RUNNING else BrokerState.NOT_RUNNING),
      "isShutdown" -> (_ => !running(id)),
      "startup" -> (_ => start(id)),
      "shutdown" -> (_ => stop(id)),
      "awaitShutdown" -> (_ => null),
      "lifecycleManager" -> (_ => standIn[BrokerLifecycleManager](
        "initialUnfenceFuture" -> (_ => CompletableFuture.completedFuture(null)))),
      "metadataCache" -> (_ => metadataCache),
      "dataPlaneRequestProcessor" -> (_ => apis),
      "replicaManager" -> (_ => standIn[ReplicaManager](
        "onlinePartition" -> { case Seq(tp: TopicPartition) => partitionAt(id, tp) },
        "localLog" -> { case Seq(tp: TopicPartition) => logOf(tp) },
        "logManager" -> (_ => logManager))),
      "logManager" -> (_ => logManager)
    )
  }

  /** It sets and reads access lists by a listener that lets everybody do everything. */
  private lazy val openAdmin: Admin = adminAt(openPort)

  private def adminAt(port: Int): Admin =
    Admin.create(util.Map.of[String, Object](AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, s"localhost:$port"))

  private lazy val authorizer: Plugin[Authorizer] = standIn[Plugin[Authorizer]]("get" -> (_ => standIn[Authorizer](
    "acls" -> { case Seq(filter: AclBindingFilter) => openAdmin.describeAcls(filter).values.get },
    "createAcls" -> { case Seq(_, bindings: util.List[AclBinding @unchecked]) =>
      openAdmin.createAcls(bindings).all.get
      bindings.asScala.map(_ => CompletableFuture.completedFuture(AclCreateResult.SUCCESS)).asJava
    },
    "deleteAcls" -> { case Seq(_, filters: util.List[AclBindingFilter @unchecked]) =>
      val results = openAdmin.deleteAcls(filters).values
      filters.asScala.map { filter =>
        val deleted = results.get(filter).get.values.asScala.map(each => new AclBindingDeleteResult(each.binding))
        CompletableFuture.completedFuture(new AclDeleteResult(deleted.asJava))
      }.asJava
    }
  )))

  private lazy val logManager = standIn[LogManager](
    "getLog" -> { case Seq(tp: TopicPartition, _*) => logOf(tp) },
    "getLog$default$2" -> (_ => false)
  )

  private lazy val metadataCache = standIn[KRaftMetadataCache](
    "numPartitions" -> { case Seq(topic: String) => topics.get(topic).map(each => Int.box(each.get("partitions").size)).toJava },
    "getTopicId" -> { case Seq(topic: String) => topicIds.getOrElse(topic, Uuid.ZERO_UUID) },
    "contains" -> {
      case Seq(topic: String) => topics.contains(topic)
      case Seq(tp: TopicPartition) => partition(tp).isDefined
    },
    "hasAliveBroker" -> { case Seq(id: Int) => running(id) },
    "getLeaderAndIsr" -> { case Seq(topic: String, index: Int) =>
      partition(new TopicPartition(topic, index)).map { found =>
        new LeaderAndIsr(found.get("leader").asInt, told(new TopicPartition(topic, index)).inSyncReplicaIds)
      }.toJava
    },
    "getPartitionLeaderEndpoint" -> { case Seq(topic: String, index: Int, _) =>
      partition(new TopicPartition(topic, index)).map(_.get("leader").asInt).filter(running).map(node).toJava
    },
    "getPartitionReplicaEndpoints" -> { case Seq(tp: TopicPartition, _) =>
      told(tp).replicaIds.asScala.map(_.intValue).filter(running).map(id => Int.box(id) -> node(id)).toMap.asJava
    }
  )

  val controller: ControllerServer = standIn[ControllerServer]("controller" -> (_ => standIn[Controller](
    "findAllTopicIds" -> (_ => CompletableFuture.completedFuture(topicIds.asJava)),
    "findTopicIds" -> { case Seq(_, names: util.Collection[_]) =>
      val ids = topicIds
      val found = names.asScala.map(name => name -> new ResultOrError(ids.getOrElse(name.toString, Uuid.ZERO_UUID)))
      CompletableFuture.completedFuture(found.toMap.asJava)
    }
  )))

  private def partitionAt(broker: Int, tp: TopicPartition): Option[Partition] =
    partition(tp).filter(_ => running(broker) && told(tp).replicaIds.contains(broker)).map { found =>
      val leader = found.get("leader").asInt
      standIn[Partition](
        "leaderLogIfLocal" -> (_ => if (leader == broker) logOf(tp) else None),
        "leaderReplicaIdOpt" -> (_ => Some(leader)),
        "getLeaderEpoch" -> (_ => leaderEpoch(tp))
      )
    }

  private def logOf(tp: TopicPartition): Option[UnifiedLog] = partition(tp).map { _ =>
    standIn[UnifiedLog](
      "logStartOffset" -> (_ => partition(tp).get.get("logStartOffset").asLong),
      "logEndOffset" -> (_ => partition(tp).get.get("highWatermark").asLong)
    )
  }

  private def topics: Map[String, JsonNode] =
    ask("describe").get("topics").elements.asScala.map(topic => topic.get("name").asText -> topic).toMap

  private def partition(tp: TopicPartition): Option[JsonNode] =
    topics.get(tp.topic).flatMap(topic => Option(topic.get("partitions").get(tp.partition)))

  private def topicIds: Map[String, Uuid] = topics.map { case (name, topic) =>
    val id = UUID.fromString(topic.get("id").asText)
    name -> new Uuid(id.getMostSignificantBits, id.getLeastSignificantBits)
  }

  private def node(id: Int): Node =
    new Node(id, "localhost", port(id, new ListenerName("")), racks.lift(ids.indexOf(id)).orNull)

  private def leaderEpoch(tp: TopicPartition): Int = told(tp).leaderEpoch.get

  private def anyPort: Int = if (openPort == 0) port(running.min, new ListenerName("")) else openPort

  /** What any broker tells of a partition. */
  private def told(tp: TopicPartition): MetadataResponse.PartitionMetadata = Using.resource(new Socket("localhost", anyPort)) { socket =>
    val version = ApiKeys.METADATA.latestVersion
    val request = MetadataRequest.Builder.forTopicNames(util.List.of(tp.topic), false).build(version)
    val bytes = Utils.toArray(request.serializeWithHeader(new RequestHeader(ApiKeys.METADATA, version, "harness", 0)))
    val out = new DataOutputStream(socket.getOutputStream)
    out.writeInt(bytes.length)
    out.write(bytes)
    val in = new DataInputStream(socket.getInputStream)
    val answer = ByteBuffer.wrap(in.readNBytes(in.readInt()))
    ResponseHeader.parse(answer, ApiKeys.METADATA.responseHeaderVersion(version))
    val topic = MetadataResponse.parse(new ByteBufferAccessor(answer), version).topicMetadata.asScala.head
    topic.partitionMetadata.asScala.find(_.partition == tp.partition).get
  }

  private def start(id: Int): AnyRef = {
    if (name.nonEmpty) ask("startBroker", "id" -> id)
    else {
      val first = configs.head
      val told = ask(
        "start",
        "brokers" -> configs.size,
        "firstNodeId" -> first.brokerId,
        "properties" -> ownProperties(first),
        "racks" -> racks.asJava,
        "listeners" -> HarnessCluster.listenersOf(first).orNull,
        "tls" -> HarnessCluster.tlsOf(first).orNull
      )
      name = told.get("name").asText
      clusterId = told.get("clusterId").asText
      ports = told.get("brokers").elements.asScala.map { each =>
        val listener = Option(each.get("listener")).fold(HarnessCluster.onlyListener)(_.asText)
        (each.get("id").asInt, listener) -> each.get("port").asInt
      }.toMap
      openPort = Option(told.get("open")).fold(0)(_.asInt)
      val port = if (openPort == 0) this.port(id, new ListenerName("")) else openPort
      BrokerConfigs.set(told.get("toSet"), () => adminAt(port))
    }
    running += id
    null
  }

  private def stop(id: Int): AnyRef = {
    if (running.remove(id)) ask("stopBroker", "id" -> id)
    null
  }

  /** Ends it; what went wrong in it meanwhile is an error, unless a test has sent it nonsense. */
  def close(): Unit = if (name.nonEmpty) {
    if (openPort != 0) openAdmin.close(Duration.ZERO)
    val errors = ask("stop").get("errors").elements.asScala.map(_.asText).filterNot(_.startsWith("ProtocolError")).toSeq
    if (errors.nonEmpty) throw new AssertionError(s"the broker has emitted 'error': ${errors.mkString("\n")}")
  }

  private def ask(what: String, more: (String, Any)*): JsonNode =
    ClusterProgram.ask((Map("do" -> what, "name" -> name) ++ more).asJava)

  private def ids: Seq[Int] = configs.toSeq.map(_.brokerId)

  /** None, if not all brokers are in one. */
  private def racks: Seq[String] = {
    val known = configs.toSeq.flatMap(_.rack.toScala)
    if (known.size == configs.size) known else Seq.empty
  }

  /** The configs that the test has chosen: neither those that every broker of these tests has, nor addresses and folders. */
  private def ownProperties(config: KafkaConfig): util.Map[String, _] = {
    val usual = TestUtils.createBrokerConfig(config.brokerId)
    config.originals.asScala.filter { case (key, value) =>
      value != usual.get(key) && !HarnessCluster.placed.exists(key.contains)
    }.asJava
  }

  private def standIn[T](answers: (String, Seq[Any] => Any)*)(implicit tag: ClassTag[T]): T =
    StandIn.of(
      tag.runtimeClass.asInstanceOf[Class[T]],
      answers.map { case (method, answer) =>
        method -> ((arguments: Array[AnyRef]) => answer(arguments.toSeq).asInstanceOf[AnyRef]): (String, StandIn.Answer)
      }.toMap.asJava
    )
}

object HarnessCluster {
  /** The key and the certificate of a broker that speaks TLS, as node has them. */
  private def tlsOf(config: KafkaConfig): Option[util.Map[String, String]] =
    Option.when(config.interBrokerSecurityProtocol == SecurityProtocol.SSL) {
      val password = config.getPassword("ssl.keystore.password").value.toCharArray
      val store = KeyStore.getInstance(new File(config.getString("ssl.keystore.location")), password)
      val alias = store.aliases.nextElement
      val key = store.getKey(alias, config.getPassword("ssl.key.password").value.toCharArray)
      util.Map.of("key", pem("PRIVATE KEY", key.getEncoded), "cert", pem("CERTIFICATE", store.getCertificate(alias).getEncoded))
    }

  private def pem(what: String, bytes: Array[Byte]): String =
    s"-----BEGIN $what-----\n${Base64.getMimeEncoder.encodeToString(bytes)}\n-----END $what-----\n"

  private val onlyListener = ""

  /** The listeners of a broker at which the test's own builder of principals says who its clients are. */
  private def listenersOf(config: KafkaConfig): Option[util.List[util.Map[String, String]]] = {
    val names = config.effectiveAdvertisedBrokerListeners.map(_.listener)
    val principals = names.flatMap(name => principalAt(config, name).map(name -> _))
    Option.when(principals.nonEmpty)(
      principals.map { case (name, principal) => util.Map.of("listener", name, "principal", principal) }.asJava)
  }

  private def principalAt(config: KafkaConfig, listener: String): Option[String] = {
    val key = "principal.builder.class"
    val own = s"listener.name.${listener.toLowerCase}.$key"
    Option(config.originals.get(own)).orElse(Option(config.originals.get(key))).map { name =>
      val builder = Class.forName(name.toString).getDeclaredConstructor().newInstance().asInstanceOf[KafkaPrincipalBuilder]
      builder.build(new PlaintextAuthenticationContext(InetAddress.getLoopbackAddress, listener)).toString
    }
  }

  private val placed = Seq("listener", "log.dir", "process.roles", "controller.quorum", "inter.broker", "ssl.")
}
