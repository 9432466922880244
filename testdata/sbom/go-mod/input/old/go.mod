module old

require a.example.test/direct v1.2.0
