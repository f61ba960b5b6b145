// The far end of the interoperability test: HashiCorp's yamux over one TCP connection, as client or as server.
//
// It speaks first on its standard output: "listening PORT". The test dials that port and runs the yamux role opposite to
// the one named in the arguments.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

func fail(format string, arguments ...interface{}) {
	fmt.Printf("failed "+format+"\n", arguments...)
	os.Exit(1)
}

func content(seed, count int) []byte {
	data := make([]byte, count)
	state := uint32(seed)*2654435761 + 1
	for index := range data {
		state = state*1664525 + 1013904223
		data[index] = byte(state >> 24)
	}
	return data
}

// exchange sends size and content, finishes, and expects the checksum of what it sent, then content of its own choice of
// size, then the end.
func exchange(session *yamux.Session, number, size int) {
	stream, err := session.OpenStream()
	if err != nil {
		fail("open %d: %v", number, err)
	}
	stream.SetDeadline(time.Now().Add(30 * time.Second))
	data := content(number, size)
	head := make([]byte, 8)
	binary.BigEndian.PutUint32(head, uint32(number))
	binary.BigEndian.PutUint32(head[4:], uint32(size))
	go func() {
		stream.Write(head)
		stream.Write(data)
	}()
	answer := make([]byte, 4)
	if _, err := io.ReadFull(stream, answer); err != nil {
		fail("read %d: %v", number, err)
	}
	if binary.BigEndian.Uint32(answer) != crc32.ChecksumIEEE(data) {
		fail("checksum of %d differs", number)
	}
	echoed, err := io.ReadAll(stream)
	if err != nil {
		fail("read to the end of %d: %v", number, err)
	}
	if !bytes.Equal(echoed, data) {
		fail("%d came back with %d bytes of %d", number, len(echoed), len(data))
	}
	stream.Close()
}

func client(session *yamux.Session, streams int) {
	if _, err := session.Ping(); err != nil {
		fail("ping: %v", err)
	}
	var group sync.WaitGroup
	slots := make(chan bool, 40)
	for number := 0; number < streams; number++ {
		group.Add(1)
		slots <- true
		go func(number int) {
			defer group.Done()
			size := number * number * 37 % 200000
			if number%50 == 0 {
				size = 2000000
			}
			exchange(session, number, size)
			<-slots
		}(number)
	}
	group.Wait()
	if _, err := session.Ping(); err != nil {
		fail("last ping: %v", err)
	}
	fmt.Println("done")
}

// server echoes each stream until its end, then half closes.
func server(session *yamux.Session) {
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			fmt.Println("done")
			return
		}
		go func() {
			io.Copy(stream, stream)
			stream.Close()
		}()
	}
}

func main() {
	// A test that dies leaves nothing behind for long.
	time.AfterFunc(2*time.Minute, func() { os.Exit(1) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail("listen: %v", err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	connection, err := listener.Accept()
	if err != nil {
		fail("accept: %v", err)
	}
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	config.KeepAliveInterval = 200 * time.Millisecond
	if os.Args[1] == "client" {
		session, err := yamux.Client(connection, config)
		if err != nil {
			fail("client: %v", err)
		}
		streams, _ := strconv.Atoi(os.Args[2])
		client(session, streams)
		session.Close()
	} else {
		session, err := yamux.Server(connection, config)
		if err != nil {
			fail("server: %v", err)
		}
		server(session)
	}
}
