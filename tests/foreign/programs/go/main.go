// A service of Go's standard library: it asks the tide by HTTP, one call after the other and then two at once. What it
// writes, and when it ends, is as with the programs beside it.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const service = "jetty"

var (
	lock   sync.Mutex
	truth  *os.File
	tide   = os.Getenv("TIDE_URL")
	client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
)

// write notes an operation that has ended.
func write(fields, request, hop string, start time.Time) {
	lock.Lock()
	defer lock.Unlock()
	fmt.Fprintf(truth, `{%s,"kind":"http","service":%q,"request":%q,"hop":%q,"start_unix_nano":%d,"end_unix_nano":%d}`+"\n",
		fields, service, request, hop, start.UnixNano(), time.Now().UnixNano())
}

// ask makes a call on behalf of a request.
func ask(request, parent string, number int) {
	start, hop := time.Now(), fmt.Sprintf("%s.%d", parent, number)
	message, err := http.NewRequest("GET", tide+"/level/1", nil)
	if err != nil {
		panic(err)
	}
	message.Header.Set("x-request-id", request)
	message.Header.Set("x-hop", hop)
	answer, err := client.Do(message)
	if err != nil {
		panic(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	write(fmt.Sprintf(`"op":"called","parent":%q`, parent), request, hop, start)
}

func serve(writer http.ResponseWriter, message *http.Request) {
	start, request, hop := time.Now(), message.Header.Get("x-request-id"), message.Header.Get("x-hop")
	ask(request, hop, 1)
	var both sync.WaitGroup
	for number := 2; number <= 3; number++ {
		both.Add(1)
		go func(number int) {
			defer both.Done()
			ask(request, hop, number)
		}(number)
	}
	both.Wait()
	write(`"op":"received"`, request, hop, start)
	io.WriteString(writer, "afloat\n")
}

func main() {
	var err error
	if truth, err = os.Create(filepath.Join(os.Getenv("TRUTH_DIR"), service+".jsonl")); err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	go http.Serve(listener, http.HandlerFunc(serve))
	io.Copy(io.Discard, os.Stdin)
}
