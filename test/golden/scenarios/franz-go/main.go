// franz-go, as `npm run golden` runs it: as clients of several releases of Kafka, for the versions that those spoke.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

type record struct {
	Key     *string           `json:"key"`
	Value   *string           `json:"value"`
	Headers map[string]string `json:"headers"`
}

var (
	ctx, _  = context.WithTimeout(context.Background(), 3*time.Minute)
	address = os.Args[1]
	records []record
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func got[T any](value T, err error) T {
	must(err)
	return value
}

// What a release did not know yet it cannot ask; what is refused is an answer, too.
func ask[T any](_ T, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == "github.com/twmb/franz-go" {
			return dep.Version
		}
	}
	return "unknown"
}

func main() {
	fmt.Println("franz-go", version())
	must(json.Unmarshal(got(os.ReadFile(os.Args[3])), &records))
	releases := []struct {
		name     string
		versions *kversion.Versions
	}{
		{"0.11", kversion.V0_11_0()},
		{"1.0", kversion.V1_0_0()},
		{"1.1", kversion.V1_1_0()},
		{"2.0", kversion.V2_0_0()},
		{"2.1", kversion.V2_1_0()},
		{"2.2", kversion.V2_2_0()},
		{"2.3", kversion.V2_3_0()},
		{"2.4", kversion.V2_4_0()},
		{"2.5", kversion.V2_5_0()},
		{"2.6", kversion.V2_6_0()},
		{"2.7", kversion.V2_7_0()},
		{"2.8", kversion.V2_8_0()},
		{"3.0", kversion.V3_0_0()},
		{"3.1", kversion.V3_1_0()},
		{"3.2", kversion.V3_2_0()},
		{"3.3", kversion.V3_3_0()},
		{"3.4", kversion.V3_4_0()},
		{"3.5", kversion.V3_5_0()},
		{"3.6", kversion.V3_6_0()},
		{"3.7", kversion.V3_7_0()},
		{"3.8", kversion.V3_8_0()},
		{"3.9", kversion.V3_9_0()},
		{"4.0", kversion.V4_0_0()},
		{"4.1", kversion.V4_1_0()},
		{"4.2", kversion.V4_2_0()},
		{"4.3", kversion.V4_3_0()},
		{"4.4", kversion.V4_4_0()},
	}
	for _, release := range releases {
		started := time.Now()
		scenario(release.name, release.versions, true)
		fmt.Fprintln(os.Stderr, "franz-go as of", release.name, time.Since(started))
	}
	for _, version := range []int16{0, 1, 2, 3, 4, 8, 9, 10, 14} {
		started := time.Now()
		// Version 0 of FindCoordinator knows no transactions.
		scenario(fmt.Sprint("v", version), atMost(version), version > 0)
		fmt.Fprintln(os.Stderr, "franz-go with versions up to", version, time.Since(started))
	}
	oldest := kversion.V4_4_0()
	oldest.SetMaxKeyVersion(3, 0)
	old := got(kgo.NewClient(kgo.ClientID("golden"), kgo.SeedBrokers(address), kgo.MaxVersions(oldest)))
	ask(kmsg.NewPtrMetadataRequest().RequestWith(ctx, old.SeedBrokers()[0]))
	old.Close()
	secured := got(kgo.NewClient(kgo.ClientID("golden"), kgo.SeedBrokers(os.Args[2]),
		kgo.SASL(plain.Auth{User: "ada", Pass: "secret"}.AsMechanism())))
	defer secured.Close()
	got(kadm.NewClient(secured).ListTopics(ctx))
}

// No API beyond a version, but for those that Kafka 4 speaks only from a later one on, and that franz-go needs so: version 0
// of Metadata does not know who the controller is.
func atMost(version int16) *kversion.Versions {
	lowest := map[int16]int16{0: 3, 1: 4, 2: 1, 3: 1, 8: 2, 9: 1, 19: 2, 20: 1, 32: 1}
	versions := kversion.V4_4_0()
	versions.EachMaxKeyVersion(func(key, highest int16) {
		versions.SetMaxKeyVersion(key, min(highest, max(version, lowest[key])))
	})
	return versions
}

func scenario(release string, versions *kversion.Versions, transacts bool) {
	topic := "franz-go-" + release
	client := func(options ...kgo.Opt) *kgo.Client {
		base := []kgo.Opt{kgo.ClientID("golden"), kgo.SeedBrokers(address), kgo.MaxVersions(versions)}
		return got(kgo.NewClient(append(base, options...)...))
	}
	plainClient := client()
	defer plainClient.Close()
	admin := kadm.NewClient(plainClient)
	retention := "3600000"
	got(admin.CreateTopic(ctx, 1, 1, map[string]*string{"retention.ms": &retention}, topic))
	ask(admin.CreatePartitions(ctx, 1, topic))
	got(admin.ListTopics(ctx))
	ask(admin.BrokerMetadata(ctx))
	ask(kmsg.NewPtrDescribeClusterRequest().RequestWith(ctx, plainClient))
	ask(admin.DescribeTopicConfigs(ctx, topic))
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &retention}}
	ask(admin.AlterTopicConfigs(ctx, change, topic))
	ask(admin.AlterTopicConfigsState(ctx, change, topic))

	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for _, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		producer := client(kgo.ProducerBatchCompression(codecs[name]), kgo.DisableIdempotentWrite(),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(100*time.Millisecond))
		send(producer, topic)
		producer.Close()
	}
	idempotent := client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(100*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	send(idempotent, topic)
	idempotent.Close()

	if transacts {
		transact(topic, versions)
	}

	for i, isolation := range []kgo.IsolationLevel{kgo.ReadUncommitted(), kgo.ReadCommitted()} {
		group := fmt.Sprint(topic, "-group-", i)
		consumer := client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
			kgo.FetchIsolationLevel(isolation), kgo.FetchMaxWait(100*time.Millisecond),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		for seen := 0; seen < 6*len(records); {
			fetches := consumer.PollFetches(ctx)
			must(fetches.Err())
			seen += fetches.NumRecords()
		}
		ask(admin.DescribeGroups(ctx, group))
		must(consumer.CommitUncommittedOffsets(ctx))
		heartbeat := kmsg.NewPtrHeartbeatRequest()
		heartbeat.Group = group
		heartbeat.MemberID, heartbeat.Generation = consumer.GroupMetadata()
		ask(heartbeat.RequestWith(ctx, consumer))
		consumer.Close()
		ask(admin.FetchOffsets(ctx, group))
		ask(admin.DeleteGroups(ctx, group))
	}

	join := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	join.Group, join.MemberID, join.RebalanceTimeoutMillis = topic+"-next", "the-only-one", 60_000
	join.SubscribedTopicNames, join.Topics = []string{topic}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	ask(join.RequestWith(ctx, plainClient))
	stream(plainClient, topic)
	ask(admin.ListGroups(ctx))
	ask(admin.DeleteOffsets(ctx, topic+"-tx", kadm.TopicsSet{topic: {0: {}}}))
	epochs := kadm.OffsetForLeaderEpochRequest{}
	epochs.Add(topic, 0, 0)
	ask(admin.OffsetForLeaderEpoch(ctx, epochs))
	ask(admin.ListTransactions(ctx, nil, nil))
	ask(admin.DescribeTransactions(ctx, topic))
	ask(admin.DescribeProducers(ctx, kadm.TopicsSet{topic: {0: {}}}))
	administer(admin, topic)
	ask(admin.ListStartOffsets(ctx, topic))
	ask(admin.ListEndOffsets(ctx, topic))
	ask(admin.ListOffsetsAfterMilli(ctx, 1, topic))
	before := kadm.Offsets{}
	before.AddOffset(topic, 0, 4, -1)
	ask(admin.DeleteRecords(ctx, before))
	ask(admin.DeleteTopics(ctx, topic))
}

// A member of a streams group that comes, is described, and goes. franz-go does not find the coordinator of such a member.
func stream(client *kgo.Client, topic string) {
	member := kmsg.NewPtrStreamsGroupHeartbeatRequest()
	member.Group, member.MemberID, member.RebalanceTimeoutMillis = topic+"-streams", "the-only-one", 60_000
	process := "the-only-process"
	member.ProcessID, member.ClientTags = &process, []kmsg.StreamsGroupHeartbeatRequestClientTag{}
	member.ActiveTasks, member.StandbyTasks, member.WarmupTasks = []kmsg.TaskIDs{}, []kmsg.TaskIDs{}, []kmsg.TaskIDs{}
	reader := kmsg.NewStreamsGroupHeartbeatRequestTopologySubtopology()
	reader.SubtopologyID, reader.SourceTopics = "reader", []string{topic}
	topology := kmsg.NewStreamsGroupHeartbeatRequestTopology()
	topology.Subtopologies = []kmsg.StreamsGroupHeartbeatRequestTopologySubtopology{reader}
	member.Topology = &topology
	ask(member.RequestWith(ctx, client.Broker(1)))
	described := kmsg.NewPtrStreamsGroupDescribeRequest()
	described.Groups, described.IncludeAuthorizedOperations = []string{member.Group}, true
	ask(described.RequestWith(ctx, client))
	member.MemberEpoch, member.Topology = -1, nil
	ask(member.RequestWith(ctx, client.Broker(1)))
}

// What Kafka has and a broker in memory has not: places, elections, quotas and users.
func administer(admin *kadm.Client, topic string) {
	partition := kadm.TopicsSet{topic: {0: {}}}
	ask(admin.DescribeAllLogDirs(ctx, partition))
	move := kadm.AlterReplicaLogDirsReq{}
	move.Add("/nowhere", partition)
	ask(admin.AlterAllReplicaLogDirs(ctx, move))
	ask(admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, partition))
	reassign := kadm.AlterPartitionAssignmentsReq{}
	reassign.Assign(topic, 0, []int32{2})
	ask(admin.AlterPartitionAssignments(ctx, reassign))
	ask(admin.ListPartitionReassignments(ctx, partition))
	client := "other"
	entity := kadm.ClientQuotaEntity{{Type: "client-id", Name: &client}}
	ask(admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{
		{Entity: entity, Ops: []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: 1e9}}},
	}))
	ask(admin.DescribeClientQuotas(ctx, false, []kadm.DescribeClientQuotaComponent{
		{Type: "client-id", MatchType: kmsg.QuotasMatchTypeExact, MatchName: &client},
	}))
	ask(admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{
		{User: "bob", Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "secret"},
	}))
	ask(admin.DescribeUserSCRAMs(ctx))
}

func send(producer *kgo.Client, topic string) {
	var batch []*kgo.Record
	for _, each := range records {
		record := &kgo.Record{Topic: topic, Partition: 0}
		if each.Key != nil {
			record.Key = []byte(*each.Key)
		}
		if each.Value != nil {
			record.Value = []byte(*each.Value)
		}
		for _, name := range []string{"trace", "empty"} {
			if value, ok := each.Headers[name]; ok {
				record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
			}
		}
		batch = append(batch, record)
	}
	must(producer.ProduceSync(ctx, batch...).FirstErr())
}

func transact(topic string, versions *kversion.Versions) {
	session := got(kgo.NewGroupTransactSession(kgo.ClientID("golden"), kgo.SeedBrokers(address),
		kgo.MaxVersions(versions), kgo.TransactionalID(topic), kgo.ConsumerGroup(topic+"-tx"), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(100*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted())))
	defer session.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		must(session.PollFetches(ctx).Err())
		must(session.Begin())
		send(session.Client(), topic)
		got(session.End(ctx, end))
	}
}
