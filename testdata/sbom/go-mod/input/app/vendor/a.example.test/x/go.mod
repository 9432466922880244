module a.example.test/x

go 1.21

require a.example.test/vendored v1.0.0
