# Builds lnd, linked statically. Debian's Go fetches lnd and the newer Go that go.mod asks for from
# the module proxy. Runs in the build root; ./source holds go.mod and go.sum.
cd source
export GOTOOLCHAIN=auto GOPATH=/build/go GOCACHE=/build/go-cache GOFLAGS=-buildvcs=false CGO_ENABLED=0
go build -trimpath -ldflags "-s -w" -tags "signrpc walletrpc chainrpc invoicesrpc peersrpc" -o ../out/ \
    github.com/lightningnetwork/lnd/cmd/lnd github.com/lightningnetwork/lnd/cmd/lncli
