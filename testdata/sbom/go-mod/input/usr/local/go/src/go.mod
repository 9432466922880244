module std

go 1.25

require a.example.test/library v0.40.0
