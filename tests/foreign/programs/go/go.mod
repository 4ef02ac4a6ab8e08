module jetty

go 1.21
