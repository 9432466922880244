{application,stdlib,[{vsn,"5.0"},{applications,[kernel]}]}.
