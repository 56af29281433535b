// The driver of franz-go.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	. "brokerlet/clients/driver"
)

var ctx = context.Background()

func open(address string, options ...kgo.Opt) *kgo.Client {
	return Must(kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(address),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(choose)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
	}, options...)...))
}

// The partition that a record names, or any for those with a key.
func choose(string) func(*kgo.Record, int) int {
	return func(record *kgo.Record, partitions int) int {
		if string(record.Key) == "d" {
			return 1 % partitions
		}
		return int(record.Partition)
	}
}

func consumer(address string, options ...kgo.Opt) *kgo.Client {
	return open(address, append([]kgo.Opt{
		kgo.ConsumerGroup("billing"),
		kgo.ConsumeTopics("orders"),
		kgo.DisableAutoCommit(),
		kgo.HeartbeatInterval(100 * time.Millisecond),
	}, options...)...)
}

func protocolOf(protocol string) []kgo.Opt {
	if protocol == "classic" {
		return nil
	}
	return []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())}
}

// Hands each record to take until that says that it was the last.
func read(client *kgo.Client, take func(*kgo.Record) bool) {
	for {
		fetches := client.PollFetches(ctx)
		for _, each := range fetches.Errors() {
			panic(each.Err)
		}
		for _, record := range fetches.Records() {
			if take(record) {
				return
			}
		}
	}
}

func readValues(client *kgo.Client, isLast func([]string) bool) []string {
	values := []string{}
	read(client, func(record *kgo.Record) bool {
		values = append(values, string(record.Value))
		return isLast(values)
	})
	return values
}

func last(value string) func([]string) bool {
	return func(values []string) bool { return values[len(values)-1] == value }
}

func leave(client *kgo.Client) {
	client.LeaveGroup()
	client.Close()
}

func roundTrip(address string, count int, options ...kgo.Opt) Told {
	plainly := kgo.ProducerBatchCompression(kgo.NoCompression())
	writer := open(address, append([]kgo.Opt{plainly, kgo.ProducerLinger(50 * time.Millisecond)}, options...)...)
	defer writer.Close()
	var records []*kgo.Record
	for _, value := range Values(count) {
		records = append(records, &kgo.Record{Topic: "orders", Value: []byte(value)})
	}
	Check(writer.ProduceSync(ctx, records...).FirstErr())
	reader := consumer(address, options...)
	defer leave(reader)
	return Told{"values": readValues(reader, func(values []string) bool { return len(values) == count })}
}

func produce(address, _ string) Told {
	client := open(address)
	defer client.Close()
	Check(client.ProduceSync(ctx,
		&kgo.Record{Topic: "orders", Partition: 0, Key: []byte("a"), Value: []byte("one"),
			Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("x")}}},
		&kgo.Record{Topic: "orders", Partition: 1, Key: []byte("b"), Value: []byte("two")},
		&kgo.Record{Topic: "orders", Partition: 2, Key: []byte("c")},
		&kgo.Record{Topic: "orders", Key: []byte("d"), Value: []byte("four")},
	).FirstErr())
	return nil
}

func consume(address, protocol string) Told {
	client := consumer(address, protocolOf(protocol)...)
	defer leave(client)
	var records [][]any
	read(client, func(record *kgo.Record) bool {
		trace := string(record.Headers[0].Value)
		records = append(records, []any{record.Partition, record.Offset, string(record.Key), string(record.Value), trace})
		return len(records) == 99
	})
	Check(client.CommitUncommittedOffsets(ctx))
	return Told{"records": records}
}

func share(address, protocol string) Told {
	client := consumer(address, protocolOf(protocol)...)
	defer leave(client)
	values := []string{}
	for {
		fetches := client.PollFetches(ctx)
		for _, each := range fetches.Errors() {
			panic(each.Err)
		}
		for _, record := range fetches.Records() {
			values = append(values, string(record.Value))
		}
		Check(client.CommitUncommittedOffsets(ctx))
		if i := slices.Index(values, "stop"); i >= 0 {
			return Told{"values": values[:i]}
		}
	}
}

func rebalance(address, protocol string) Told {
	var lock sync.Mutex
	changed := sync.NewCond(&lock)
	owned := make([][]int, 3)
	members := make([]*kgo.Client, 3)
	for i := range members {
		change := func(update func(partitions []int)) func(context.Context, *kgo.Client, map[string][]int32) {
			return func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
				lock.Lock()
				defer lock.Unlock()
				var partitions []int
				for _, each := range topics["orders"] {
					partitions = append(partitions, int(each))
				}
				update(partitions)
				changed.Broadcast()
			}
		}
		drop := change(func(partitions []int) {
			owned[i] = slices.DeleteFunc(owned[i], func(each int) bool { return slices.Contains(partitions, each) })
		})
		members[i] = consumer(address, append(protocolOf(protocol),
			kgo.OnPartitionsAssigned(change(func(partitions []int) { owned[i] = append(owned[i], partitions...) })),
			kgo.OnPartitionsRevoked(drop),
			kgo.OnPartitionsLost(drop),
		)...)
		go func() {
			for !members[i].PollFetches(ctx).IsClientClosed() {
			}
		}()
	}
	settle := func(from int) [][]int {
		lock.Lock()
		defer lock.Unlock()
		for !IsShared(owned[from:]) {
			changed.Wait()
		}
		var now [][]int
		for _, each := range owned[from:] {
			now = append(now, slices.Clone(each))
		}
		return now
	}
	three := settle(0)
	leave(members[0])
	two := settle(1)
	for _, each := range members[1:] {
		leave(each)
	}
	return Told{"three": three, "two": two}
}

func seek(address, _ string) Told {
	client := open(address, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		"orders": {0: kgo.NewOffset().AtStart()},
	}))
	defer client.Close()
	read(client, func(*kgo.Record) bool { return true })
	client.SetOffsets(map[string]map[int32]kgo.EpochOffset{"orders": {0: {Epoch: -1, Offset: 7}}})
	var offsets []int64
	read(client, func(record *kgo.Record) bool {
		offsets = append(offsets, record.Offset)
		return len(offsets) == 3
	})
	return Told{"offsets": offsets}
}

func offsets(address, timestamp string) Told {
	client := kadm.NewClient(open(address))
	defer client.Close()
	offsetOf := func(listed kadm.ListedOffsets, err error) int64 {
		Check(err)
		found, _ := listed.Lookup("orders", 0)
		return found.Offset
	}
	earliest := offsetOf(client.ListStartOffsets(ctx, "orders"))
	latest := offsetOf(client.ListEndOffsets(ctx, "orders"))
	byTime := offsetOf(client.ListOffsetsAfterMilli(ctx, Must(strconv.ParseInt(timestamp, 10, 64)), "orders"))
	to := kadm.Offsets{}
	to.AddOffset("orders", 0, 5, -1)
	Check(client.CommitAllOffsets(ctx, "billing", to))
	committed, _ := Must(client.FetchOffsets(ctx, "billing")).Lookup("orders", 0)
	return Told{"earliest": earliest, "latest": latest, "byTime": byTime, "committed": committed.At}
}

func reset(address, _ string) Told {
	client := consumer(address)
	defer leave(client)
	var first int64
	read(client, func(record *kgo.Record) bool {
		first = record.Offset
		return true
	})
	return Told{"first": first}
}

func transactions(address, _ string) Told {
	session := Must(kgo.NewGroupTransactSession(
		kgo.SeedBrokers(address),
		kgo.TransactionalID("matrix"),
		kgo.ConsumerGroup("billing"),
		kgo.ConsumeTopics("orders"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(50*time.Millisecond),
	))
	for paid := 0; paid < 3; {
		fetches := session.PollFetches(ctx)
		Check(fetches.Err())
		Check(session.Begin())
		for _, record := range fetches.Records() {
			value := append([]byte("paid "), record.Value...)
			Check(session.ProduceSync(ctx, &kgo.Record{Topic: "payments", Value: value}).FirstErr())
			paid++
		}
		Must(session.End(ctx, kgo.TryCommit))
	}
	client := session.Client()
	Check(client.BeginTransaction())
	Check(client.ProduceSync(ctx, &kgo.Record{Topic: "payments", Value: []byte("lost")}).FirstErr())
	Check(client.EndTransaction(ctx, kgo.TryAbort))
	Check(client.BeginTransaction())
	Check(client.ProduceSync(ctx, &kgo.Record{Topic: "payments", Value: []byte("last")}).FirstErr())
	Check(client.EndTransaction(ctx, kgo.TryCommit))
	session.Close()
	audit := consumer(address, kgo.ConsumerGroup("audit"), kgo.ConsumeTopics("payments"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer leave(audit)
	return Told{"read": readValues(audit, last("last"))}
}

func withAdmin(work func(*kadm.Client) Told) Action {
	return func(address, _ string) Told {
		client := kadm.NewClient(open(address))
		defer client.Close()
		return work(client)
	}
}

func adminTopics(client *kadm.Client) Told {
	retention := "60000"
	Must(client.CreateTopic(ctx, 3, 1, map[string]*string{"retention.ms": &retention}, "made"))
	topics := Must(client.ListTopics(ctx))
	Check(Must(client.UpdatePartitions(ctx, 5, "made")).Error())
	Must(client.DeleteTopic(ctx, "old"))
	return Told{"listed": topics.Names(), "partitions": len(topics["made"].Partitions)}
}

func adminRecords(client *kadm.Client) Told {
	before := kadm.Offsets{}
	before.AddOffset("orders", 0, 4, -1)
	Check(Must(client.DeleteRecords(ctx, before)).Error())
	return nil
}

func adminConfigs(client *kadm.Client) Told {
	retention := func() string {
		found := Must(Must(client.DescribeTopicConfigs(ctx, "orders")).On("orders", nil))
		Check(found.Err)
		for _, each := range found.Configs {
			if each.Key == "retention.ms" {
				return each.MaybeValue()
			}
		}
		return "none"
	}
	before, to := retention(), "120000"
	altered := Must(client.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &to}}, "orders"))
	Check(Must(altered.On("orders", nil)).Err)
	return Told{"before": before, "after": retention()}
}

func adminGroups(client *kadm.Client) Told {
	listed := Must(client.ListGroups(ctx)).Groups()
	described := Must(client.DescribeGroups(ctx, "stale"))
	offset, _ := Must(client.FetchOffsets(ctx, "stale")).Lookup("orders", 0)
	Must(client.DeleteGroup(ctx, "stale"))
	return Told{"listed": listed, "state": described["stale"].State, "offset": offset.At}
}

func adminOffsets(client *kadm.Client) Told {
	to := kadm.Offsets{}
	to.AddOffset("orders", 0, 1, -1)
	Check(client.CommitAllOffsets(ctx, "stale", to))
	return nil
}

func adminDeleteOffsets(client *kadm.Client) Told {
	partitions := kadm.TopicsSet{}
	partitions.Add("orders", 1)
	Check(Must(client.DeleteOffsets(ctx, "stale", partitions)).Error())
	return nil
}

func codec(address, name string) Told {
	codecs := map[string]kgo.CompressionCodec{
		"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	return roundTrip(address, 50, kgo.ProducerBatchCompression(codecs[name]))
}

func sasl(address, mechanism string) Told {
	auth := scram.Auth{User: User, Pass: Password}
	switch mechanism {
	case "PLAIN":
		return roundTrip(address, 1, kgo.SASL(plain.Auth{User: User, Pass: Password}.AsMechanism()))
	case "SCRAM-SHA-256":
		return roundTrip(address, 1, kgo.SASL(auth.AsSha256Mechanism()))
	default:
		return roundTrip(address, 1, kgo.SASL(auth.AsSha512Mechanism()))
	}
}

func overTLS(address, _ string) Told {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(Must(os.ReadFile(TLSCertificate)))
	return roundTrip(address, 1, kgo.DialTLSConfig(&tls.Config{RootCAs: roots}))
}

func main() {
	Drive(VersionOf("github.com/twmb/franz-go"), map[string]Action{
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
