// The driver of segmentio's kafka-go.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	. "brokerlet/clients/driver"
)

var ctx = context.Background()

// How it connects; nil for neither SASL nor TLS.
type connection struct {
	mechanism sasl.Mechanism
	tls       *tls.Config
}

func (c connection) writer(address string) *kafka.Writer {
	return &kafka.Writer{
		Addr: kafka.TCP(address), Topic: "orders", RequiredAcks: kafka.RequireAll,
		BatchTimeout: 20 * time.Millisecond,
		Transport:    &kafka.Transport{SASL: c.mechanism, TLS: c.tls},
		Balancer: kafka.BalancerFunc(func(message kafka.Message, partitions ...int) int {
			// The partition that the key stands for, and the first for any other.
			return partitions[max(0, slices.Index([]string{"a", "b", "c"}, string(message.Key)))]
		}),
	}
}

func (c connection) reader(address string, change ...func(*kafka.ReaderConfig)) *kafka.Reader {
	config := kafka.ReaderConfig{
		Brokers: []string{address}, GroupID: "billing", Topic: "orders", StartOffset: kafka.FirstOffset,
		MaxWait: 50 * time.Millisecond, HeartbeatInterval: 100 * time.Millisecond, ReadBackoffMin: 10 * time.Millisecond,
		JoinGroupBackoff: 20 * time.Millisecond,
		Dialer:           &kafka.Dialer{SASLMechanism: c.mechanism, TLS: c.tls},
	}
	for _, each := range change {
		each(&config)
	}
	return kafka.NewReader(config)
}

func alone(config *kafka.ReaderConfig) {
	config.GroupID = ""
	config.Partition = 0
}

func (c connection) roundTrip(address string, count int, compression kafka.Compression) Told {
	writer := c.writer(address)
	writer.Compression = compression
	var messages []kafka.Message
	for _, value := range Values(count) {
		messages = append(messages, kafka.Message{Value: []byte(value)})
	}
	Check(writer.WriteMessages(ctx, messages...))
	Check(writer.Close())
	reader := c.reader(address)
	defer reader.Close()
	var values []string
	for len(values) < count {
		values = append(values, string(Must(reader.ReadMessage(ctx)).Value))
	}
	return Told{"values": values}
}

func produce(address, _ string) Told {
	writer := connection{}.writer(address)
	defer writer.Close()
	Check(writer.WriteMessages(ctx,
		kafka.Message{Key: []byte("a"), Value: []byte("one"), Headers: []kafka.Header{{Key: "trace", Value: []byte("x")}}},
		kafka.Message{Key: []byte("b"), Value: []byte("two")},
		kafka.Message{Key: []byte("c")},
		kafka.Message{Key: []byte("d"), Value: []byte("four")},
	))
	return nil
}

func consume(address, protocol string) Told {
	ClassicOnly(protocol)
	reader := connection{}.reader(address)
	defer reader.Close()
	var records [][]any
	for len(records) < 99 {
		message := Must(reader.FetchMessage(ctx))
		trace := string(message.Headers[0].Value)
		records = append(records, []any{message.Partition, message.Offset, string(message.Key), string(message.Value), trace})
		Check(reader.CommitMessages(ctx, message))
	}
	return Told{"records": records}
}

func share(address, protocol string) Told {
	ClassicOnly(protocol)
	reader := connection{}.reader(address)
	defer reader.Close()
	values := []string{}
	for {
		message := Must(reader.FetchMessage(ctx))
		Check(reader.CommitMessages(ctx, message))
		if string(message.Value) == "stop" {
			return Told{"values": values}
		}
		values = append(values, string(message.Value))
	}
}

func rebalance(address, protocol string) Told {
	ClassicOnly(protocol)
	var lock sync.Mutex
	changed := sync.NewCond(&lock)
	owned := map[int][]int{}
	groups := make([]*kafka.ConsumerGroup, 3)
	done := make([]chan struct{}, 3)
	for i := range groups {
		done[i] = make(chan struct{})
		groups[i] = Must(kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
			ID: "billing", Brokers: []string{address}, Topics: []string{"orders"},
			HeartbeatInterval: 100 * time.Millisecond, JoinGroupBackoff: 20 * time.Millisecond,
		}))
		go func() {
			defer close(done[i])
			for {
				generation, err := groups[i].Next(ctx)
				if errors.Is(err, kafka.ErrGroupClosed) {
					return
				}
				// A rebalance that another one has overtaken.
				if err != nil {
					continue
				}
				lock.Lock()
				owned[i] = nil
				for _, each := range generation.Assignments["orders"] {
					owned[i] = append(owned[i], each.ID)
				}
				changed.Broadcast()
				lock.Unlock()
			}
		}()
	}
	settle := func(count int) [][]int {
		lock.Lock()
		defer lock.Unlock()
		for {
			var now [][]int
			for _, each := range owned {
				now = append(now, each)
			}
			if len(now) == count && IsShared(now) {
				return now
			}
			changed.Wait()
		}
	}
	three := settle(3)
	Check(groups[0].Close())
	<-done[0]
	lock.Lock()
	delete(owned, 0)
	lock.Unlock()
	two := settle(2)
	for _, each := range groups[1:] {
		Check(each.Close())
	}
	return Told{"three": three, "two": two}
}

func seek(address, _ string) Told {
	reader := connection{}.reader(address, alone)
	defer reader.Close()
	Check(reader.SetOffset(7))
	var offsets []int64
	for len(offsets) < 3 {
		offsets = append(offsets, Must(reader.ReadMessage(ctx)).Offset)
	}
	return Told{"offsets": offsets}
}

func client(address string) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(address), Timeout: 10 * time.Second}
}

func offsets(address, timestamp string) Told {
	conn := Must(kafka.DialLeader(ctx, "tcp", address, "orders", 0))
	defer conn.Close()
	earliest, latest, err := conn.ReadOffsets()
	Check(err)
	byTime := Must(conn.ReadOffset(time.UnixMilli(Must(strconv.ParseInt(timestamp, 10, 64)))))
	commit(address, "billing", 5)
	return Told{"earliest": earliest, "latest": latest, "byTime": byTime, "committed": committed(address, "billing")}
}

func commit(address, group string, offset int64) {
	answer := Must(client(address).OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: group, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{"orders": {{Partition: 0, Offset: offset}}},
	}))
	Check(answer.Topics["orders"][0].Error)
}

func committed(address, group string) int64 {
	answer := Must(client(address).OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: group, Topics: map[string][]int{"orders": {0}},
	}))
	Check(answer.Error)
	return answer.Topics["orders"][0].CommittedOffset
}

func reset(address, _ string) Told {
	reader := connection{}.reader(address)
	defer reader.Close()
	return Told{"first": Must(reader.FetchMessage(ctx)).Offset}
}

func transactions(string, string) Told {
	panic(Missing("has the requests of transactions, and no writer that uses them"))
}

func adminTopics(address, _ string) Told {
	admin := client(address)
	created := Must(admin.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: "made", NumPartitions: 3, ReplicationFactor: 1,
		ConfigEntries: []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "60000"}},
	}}}))
	Check(created.Errors["made"])
	var listed []string
	partitions := 0
	for _, each := range Must(admin.Metadata(ctx, &kafka.MetadataRequest{})).Topics {
		listed = append(listed, each.Name)
		if each.Name == "made" {
			partitions = len(each.Partitions)
		}
	}
	slices.Sort(listed)
	grown := Must(admin.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: "made", Count: 5}},
	}))
	Check(grown.Errors["made"])
	deleted := Must(admin.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{"old"}}))
	Check(deleted.Errors["old"])
	return Told{"listed": listed, "partitions": partitions}
}

func adminConfigs(address, _ string) Told {
	admin := client(address)
	retention := func() string {
		found := Must(admin.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: "orders", ConfigNames: []string{"retention.ms"},
		}}}))
		return found.Resources[0].ConfigEntries[0].ConfigValue
	}
	before := retention()
	altered := Must(admin.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: "orders",
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{
				Name: "retention.ms", Value: "120000", ConfigOperation: kafka.ConfigOperationSet,
			}},
		}},
	}))
	Check(altered.Resources[0].Error)
	return Told{"before": before, "after": retention()}
}

func adminGroups(address, _ string) Told {
	admin := client(address)
	var listed []string
	for _, each := range Must(admin.ListGroups(ctx, &kafka.ListGroupsRequest{})).Groups {
		listed = append(listed, each.GroupID)
	}
	described := Must(admin.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{"stale"}}))
	offset := committed(address, "stale")
	deleted := Must(admin.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{"stale"}}))
	Check(deleted.Errors["stale"])
	return Told{"listed": listed, "state": described.Groups[0].GroupState, "offset": offset}
}

func adminOffsets(address, _ string) Told {
	commit(address, "stale", 1)
	return nil
}

func adminDeleteOffsets(address, _ string) Told {
	deleted := Must(client(address).OffsetDelete(ctx, &kafka.OffsetDeleteRequest{
		GroupID: "stale", Topics: map[string][]int{"orders": {1}},
	}))
	Check(deleted.Error)
	Check(deleted.Topics["orders"][0].Error)
	return nil
}

func codec(address, name string) Told {
	codecs := map[string]kafka.Compression{
		"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
	}
	return connection{}.roundTrip(address, 50, codecs[name])
}

func overSASL(address, mechanism string) Told {
	algorithms := map[string]scram.Algorithm{"SCRAM-SHA-256": scram.SHA256, "SCRAM-SHA-512": scram.SHA512}
	if mechanism == "PLAIN" {
		return connection{mechanism: plain.Mechanism{Username: User, Password: Password}}.roundTrip(address, 1, 0)
	}
	return connection{mechanism: Must(scram.Mechanism(algorithms[mechanism], User, Password))}.roundTrip(address, 1, 0)
}

func overTLS(address, _ string) Told {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(Must(os.ReadFile(TLSCertificate)))
	host, _, err := net.SplitHostPort(address)
	Check(err)
	return connection{tls: &tls.Config{RootCAs: roots, ServerName: host}}.roundTrip(address, 1, 0)
}

func main() {
	Drive(VersionOf("github.com/segmentio/kafka-go"), map[string]Action{
		"produce":              produce,
		"consume":              consume,
		"share":                share,
		"rebalance":            rebalance,
		"seek":                 seek,
		"offsets":              offsets,
		"reset":                reset,
		"transactions":         transactions,
		"admin-topics":         adminTopics,
		"admin-configs":        adminConfigs,
		"admin-groups":         adminGroups,
		"admin-offsets":        adminOffsets,
		"admin-delete-offsets": adminDeleteOffsets,
		"codec":                codec,
		"sasl":                 overSASL,
		"tls":                  overTLS,
	})
}
