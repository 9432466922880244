{application,broken,[
