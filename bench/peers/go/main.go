// net/http and context.Context: an order as in the Go program that this repository is a port of.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 10_000}}

func call(ctx context.Context, method, url string) error {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, res.StatusCode)
	}
	return nil
}

func param(r *http.Request, name, fallback string) string {
	if value := r.URL.Query().Get(name); value != "" {
		return value
	}
	return fallback
}

func order(w http.ResponseWriter, r *http.Request) {
	productID, orderID := param(r, "productID", "1234"), param(r, "orderID", "orderID-5678")
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	err := call(ctx, "GET", os.Getenv("INVENTORY_URL")+"/check?productID="+productID)
	if err == nil {
		err = call(ctx, "POST", os.Getenv("PAYMENT_URL")+"/pay?orderID="+orderID)
	}
	if err != nil {
		log.Printf("Order %s failed: %v", orderID, err)
		http.Error(w, "Order failed", http.StatusInternalServerError)
		return
	}
	log.Printf("Order %s successfully processed", orderID)
	fmt.Fprint(w, "Order successfully processed")
}

func main() {
	http.HandleFunc("/order", order)
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
