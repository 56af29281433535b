// The driver of Sarama.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	. "brokerlet/clients/driver"
)

var ctx = context.Background()

func config(change ...func(*sarama.Config)) *sarama.Config {
	made := sarama.NewConfig()
	made.Version = sarama.MaxVersion
	made.Producer.Return.Successes = true
	made.Producer.RequiredAcks = sarama.WaitForAll
	made.Producer.Partitioner = sarama.NewManualPartitioner
	made.Producer.Retry.Backoff = 20 * time.Millisecond
	made.Consumer.Offsets.Initial = sarama.OffsetOldest
	made.Consumer.Offsets.AutoCommit.Enable = false
	made.Consumer.Group.ResetInvalidOffsets = true
	made.Consumer.Group.Heartbeat.Interval = 100 * time.Millisecond
	made.Consumer.Group.Rebalance.Retry.Backoff = 20 * time.Millisecond
	made.Consumer.MaxWaitTime = 50 * time.Millisecond
	made.Metadata.Retry.Backoff = 20 * time.Millisecond
	for _, each := range change {
		each(made)
	}
	return made
}

func producer(address string, change ...func(*sarama.Config)) sarama.SyncProducer {
	return Must(sarama.NewSyncProducer([]string{address}, config(change...)))
}

// A member of a group: it hands each record to take until that says that it was the last.
type member struct {
	take     func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage) bool
	assigned func(partitions []int32)
	lock     sync.Mutex
	stop     context.CancelFunc
	stopped  bool
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	if m.assigned != nil {
		m.assigned(session.Claims()["orders"])
	}
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.lock.Lock()
		if !m.stopped && m.take(session, message) {
			m.stopped = true
			m.stop()
		}
		m.lock.Unlock()
	}
	return nil
}

func consumeGroup(address, group, topic string, m *member, change ...func(*sarama.Config)) {
	client := Must(sarama.NewConsumerGroup([]string{address}, group, config(change...)))
	defer client.Close()
	running, stop := context.WithCancel(ctx)
	m.stop = stop
	for running.Err() == nil {
		if err := client.Consume(running, []string{topic}, m); err != nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
			panic(err)
		}
	}
}

func roundTrip(address string, count int, change ...func(*sarama.Config)) Told {
	writer := producer(address, append([]func(*sarama.Config){func(c *sarama.Config) {
		c.Producer.Flush.Frequency = 20 * time.Millisecond
	}}, change...)...)
	var messages []*sarama.ProducerMessage
	for _, value := range Values(count) {
		messages = append(messages, &sarama.ProducerMessage{Topic: "orders", Value: sarama.StringEncoder(value)})
	}
	Check(writer.SendMessages(messages))
	Check(writer.Close())
	values := []string{}
	consumeGroup(address, "billing", "orders", &member{
		take: func(_ sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
			values = append(values, string(message.Value))
			return len(values) == count
		},
	}, change...)
	return Told{"values": values}
}

func produce(address, _ string) Told {
	text := func(value string) sarama.Encoder { return sarama.StringEncoder(value) }
	writer := producer(address)
	defer writer.Close()
	Check(writer.SendMessages([]*sarama.ProducerMessage{
		{Topic: "orders", Partition: 0, Key: text("a"), Value: text("one"),
			Headers: []sarama.RecordHeader{{Key: []byte("trace"), Value: []byte("x")}}},
		{Topic: "orders", Partition: 1, Key: text("b"), Value: text("two")},
		{Topic: "orders", Partition: 2, Key: text("c")},
	}))
	hashing := producer(address, func(c *sarama.Config) { c.Producer.Partitioner = sarama.NewHashPartitioner })
	defer hashing.Close()
	Check(hashing.SendMessages([]*sarama.ProducerMessage{{Topic: "orders", Key: text("d"), Value: text("four")}}))
	return nil
}

func consume(address, protocol string) Told {
	ClassicOnly(protocol)
	var records [][]any
	consumeGroup(address, "billing", "orders", &member{
		take: func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
			trace := string(message.Headers[0].Value)
			records = append(records, []any{message.Partition, message.Offset, string(message.Key), string(message.Value), trace})
			session.MarkMessage(message, "")
			if len(records) < 99 {
				return false
			}
			session.Commit()
			return true
		},
	})
	return Told{"records": records}
}

func share(address, protocol string) Told {
	ClassicOnly(protocol)
	values := []string{}
	consumeGroup(address, "billing", "orders", &member{
		take: func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
			if string(message.Value) == "stop" {
				return true
			}
			values = append(values, string(message.Value))
			session.MarkMessage(message, "")
			session.Commit()
			return false
		},
	})
	return Told{"values": values}
}

func rebalance(address, protocol string) Told {
	ClassicOnly(protocol)
	var lock sync.Mutex
	changed := sync.NewCond(&lock)
	owned := map[int][]int{}
	members := make([]*member, 3)
	done := make([]chan struct{}, 3)
	ready := sync.WaitGroup{}
	for i := range members {
		ready.Add(1)
		first := sync.OnceFunc(ready.Done)
		members[i] = &member{
			take: func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage) bool { return false },
			assigned: func(partitions []int32) {
				first()
				lock.Lock()
				defer lock.Unlock()
				owned[i] = nil
				for _, each := range partitions {
					owned[i] = append(owned[i], int(each))
				}
				changed.Broadcast()
			},
		}
		done[i] = make(chan struct{})
		go func() {
			defer close(done[i])
			consumeGroup(address, "billing", "orders", members[i])
		}()
	}
	settle := func(count int) [][]int {
		lock.Lock()
		defer lock.Unlock()
		for {
			now := slices.Collect(maps.Values(owned))
			if len(now) == count && IsShared(now) {
				return now
			}
			changed.Wait()
		}
	}
	three := settle(3)
	ready.Wait()
	members[0].stop()
	<-done[0]
	lock.Lock()
	delete(owned, 0)
	lock.Unlock()
	two := settle(2)
	for i := 1; i < 3; i++ {
		members[i].stop()
		<-done[i]
	}
	return Told{"three": three, "two": two}
}

func seek(address, _ string) Told {
	consumer := Must(sarama.NewConsumer([]string{address}, config()))
	defer consumer.Close()
	partition := Must(consumer.ConsumePartition("orders", 0, 7))
	defer partition.Close()
	var offsets []int64
	for len(offsets) < 3 {
		offsets = append(offsets, (<-partition.Messages()).Offset)
	}
	return Told{"offsets": offsets}
}

func offsets(address, timestamp string) Told {
	client := Must(sarama.NewClient([]string{address}, config()))
	defer client.Close()
	at := func(time int64) int64 { return Must(client.GetOffset("orders", 0, time)) }
	found := Told{
		"earliest": at(sarama.OffsetOldest),
		"latest":   at(sarama.OffsetNewest),
		"byTime":   at(Must(strconv.ParseInt(timestamp, 10, 64))),
	}
	manager := Must(sarama.NewOffsetManagerFromClient("billing", client))
	partition := Must(manager.ManagePartition("orders", 0))
	partition.MarkOffset(5, "")
	manager.Commit()
	partition.AsyncClose()
	Check(manager.Close())
	again := Must(sarama.NewOffsetManagerFromClient("billing", client))
	read := Must(again.ManagePartition("orders", 0))
	found["committed"], _ = read.NextOffset()
	read.AsyncClose()
	Check(again.Close())
	return found
}

func reset(address, _ string) Told {
	var first int64
	consumeGroup(address, "billing", "orders", &member{
		take: func(_ sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
			first = message.Offset
			return true
		},
	})
	return Told{"first": first}
}

func transactions(address, _ string) Told {
	writer := producer(address, func(c *sarama.Config) {
		c.Producer.Transaction.ID = "matrix"
		c.Producer.Idempotent = true
		c.Net.MaxOpenRequests = 1
	})
	send := func(value string) {
		_, _, err := writer.SendMessage(&sarama.ProducerMessage{Topic: "payments", Value: sarama.StringEncoder(value)})
		Check(err)
	}
	paid := 0
	consumeGroup(address, "billing", "orders", &member{
		take: func(_ sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
			Check(writer.BeginTxn())
			send("paid " + string(message.Value))
			Check(writer.AddMessageToTxn(message, "billing", nil))
			Check(writer.CommitTxn())
			paid++
			return paid == 3
		},
	})
	Check(writer.BeginTxn())
	send("lost")
	Check(writer.AbortTxn())
	Check(writer.BeginTxn())
	send("last")
	Check(writer.CommitTxn())
	Check(writer.Close())
	var read []string
	consumeGroup(address, "audit", "payments", &member{
		take: func(_ sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
			read = append(read, string(message.Value))
			return string(message.Value) == "last"
		},
	}, func(c *sarama.Config) { c.Consumer.IsolationLevel = sarama.ReadCommitted })
	return Told{"read": read}
}

func withAdmin(work func(sarama.ClusterAdmin) Told) Action {
	return func(address, _ string) Told {
		admin := Must(sarama.NewClusterAdmin([]string{address}, config()))
		defer admin.Close()
		return work(admin)
	}
}

func adminTopics(admin sarama.ClusterAdmin) Told {
	retention := "60000"
	Check(admin.CreateTopic("made", &sarama.TopicDetail{
		NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &retention},
	}, false))
	topics := Must(admin.ListTopics())
	Check(admin.CreatePartitions("made", 5, nil, false))
	Check(admin.DeleteTopic("old"))
	return Told{"listed": slices.Sorted(maps.Keys(topics)), "partitions": topics["made"].NumPartitions}
}

func adminRecords(admin sarama.ClusterAdmin) Told {
	Check(admin.DeleteRecords("orders", map[int32]int64{0: 4}))
	return nil
}

func adminConfigs(admin sarama.ClusterAdmin) Told {
	retention := func() string {
		found := Must(admin.DescribeConfig(sarama.ConfigResource{
			Type: sarama.TopicResource, Name: "orders", ConfigNames: []string{"retention.ms"},
		}))
		return found[0].Value
	}
	before, to := retention(), "120000"
	Check(admin.IncrementalAlterConfig(sarama.TopicResource, "orders", map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &to},
	}, false))
	return Told{"before": before, "after": retention()}
}

func adminGroups(admin sarama.ClusterAdmin) Told {
	listed := slices.Collect(maps.Keys(Must(admin.ListConsumerGroups())))
	described := Must(admin.DescribeConsumerGroups([]string{"stale"}))
	found := Must(admin.ListConsumerGroupOffsets("stale", map[string][]int32{"orders": {0}}))
	Check(admin.DeleteConsumerGroup("stale"))
	return Told{"listed": listed, "state": described[0].State, "offset": found.GetBlock("orders", 0).Offset}
}

func adminOffsets(admin sarama.ClusterAdmin) Told {
	Must(admin.AlterConsumerGroupOffsets("stale", map[string]map[int32]sarama.OffsetAndMetadata{
		"orders": {0: {Offset: 1, LeaderEpoch: -1}},
	}, nil))
	return nil
}

func adminDeleteOffsets(admin sarama.ClusterAdmin) Told {
	Check(admin.DeleteConsumerGroupOffset("stale", "orders", 1))
	return nil
}

func codec(address, name string) Told {
	codecs := map[string]sarama.CompressionCodec{
		"gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
		"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}
	return roundTrip(address, 50, func(c *sarama.Config) { c.Producer.Compression = codecs[name] })
}

// It leaves the exchange of SCRAM to its user.
type exchange struct {
	generator scram.HashGeneratorFcn
	*scram.ClientConversation
}

func (e *exchange) Begin(user, password, authorization string) error {
	client, err := e.generator.NewClient(user, password, authorization)
	if err == nil {
		e.ClientConversation = client.NewConversation()
	}
	return err
}

func sasl(address, mechanism string) Told {
	return roundTrip(address, 1, func(c *sarama.Config) {
		c.Net.SASL.Enable = true
		c.Net.SASL.Mechanism = sarama.SASLMechanism(mechanism)
		c.Net.SASL.User = User
		c.Net.SASL.Password = Password
		generators := map[string]scram.HashGeneratorFcn{"SCRAM-SHA-256": scram.SHA256, "SCRAM-SHA-512": scram.SHA512}
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient {
			return &exchange{generator: generators[mechanism]}
		}
	})
}

func overTLS(address, _ string) Told {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(Must(os.ReadFile(TLSCertificate)))
	return roundTrip(address, 1, func(c *sarama.Config) {
		c.Net.TLS.Enable = true
		c.Net.TLS.Config = &tls.Config{RootCAs: roots}
	})
}

func main() {
	Drive(VersionOf("github.com/IBM/sarama"), map[string]Action{
		"produce":              produce,
		"consume":              consume,
		"share":                share,
		"rebalance":            rebalance,
		"seek":                 seek,
		"offsets":              offsets,
		"reset":                reset,
		"transactions":         transactions,
		"admin-topics":         withAdmin(adminTopics),
		"admin-records":        withAdmin(adminRecords),
		"admin-configs":        withAdmin(adminConfigs),
		"admin-groups":         withAdmin(adminGroups),
		"admin-offsets":        withAdmin(adminOffsets),
		"admin-delete-offsets": withAdmin(adminDeleteOffsets),
		"codec":                codec,
		"sasl":                 sasl,
		"tls":                  overTLS,
	})
}
