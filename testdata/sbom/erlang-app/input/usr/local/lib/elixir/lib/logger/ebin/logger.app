{application,logger,[{description,"logger"},{vsn,"1.18.4"},{applications,[kernel,stdlib,elixir]}]}.
